//! Parses libpq connection strings: `postgres://user:password@host:port/dbname?key=value`, or `key=value ...`.
//! The driver's own parser refuses half of libpq's keys, so it gets the parsed parameters instead of the string. No message
//! shows the string: it may hold a password.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// libpq's connection parameters, each with the variable that sets it.
pub(super) const PARAMETERS: [(&str, &str); 13] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGPASSFILE", "passfile"),
    ("PGDATABASE", "dbname"),
    ("PGOPTIONS", "options"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
];

/// Keys of libpq that the agent sets itself or does not use.
const IGNORED: [&str; 16] = [
    "application_name",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "sslcompression",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// With several hosts, a reconnect could continue the series of one server with the figures of another.
pub(super) const ONE_HOST: &str =
    "one host; give every server, primary or standby, its own entry under servers";

pub(super) type Parameters = BTreeMap<String, String>;

/// Returns the parameters, or the text of what a correct string has.
pub(super) fn parse(dsn: &str) -> Result<Parameters, String> {
    match parse_known(dsn)? {
        (parameters, false) => Ok(parameters),
        // The key is not shown: it may be a part of a password that contains ? or a blank.
        (_, true) => Err(known_keys()),
    }
}

pub(super) fn known_keys() -> String {
    let keys = PARAMETERS.map(|(_, key)| key);
    format!("only the keys {}", keys.join(", "))
}

/// Also returns whether there are keys that neither libpq nor the agent knows. Other drivers have keys of their own.
pub(super) fn parse_known(dsn: &str) -> Result<(Parameters, bool), String> {
    let url = ["postgres://", "postgresql://"]
        .into_iter()
        .find_map(|scheme| dsn.strip_prefix(scheme));
    // In key=value form, a value may contain `://`.
    let before_value = dsn.split_once('=').map_or(dsn, |(key, _)| key);
    let parameters = match url {
        Some(rest) => parse_url(rest)?,
        None if before_value.contains("://") => {
            return Err("postgres:// or postgresql://".to_owned());
        }
        None => parse_pairs(dsn)?,
    };
    let keys = PARAMETERS.map(|(_, key)| key);
    let (mut kept, mut others) = (Parameters::new(), false);
    for (key, value) in parameters {
        if matches!(&*key, "host" | "hostaddr" | "port") && value.contains(',')
            || key == "target_session_attrs" && value != "any"
        {
            return Err(ONE_HOST.to_owned());
        }
        if key == "port" && value.parse::<u16>().is_err() {
            return Err("a port number, and / : @ ? percent-encoded in the password".to_owned());
        }
        if keys.contains(&key.as_str()) {
            kept.insert(key, value);
        } else if !IGNORED.contains(&key.as_str()) {
            others = true;
        }
    }
    Ok((kept, others))
}

fn parse_url(rest: &str) -> Result<Parameters, String> {
    let (location, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = location.split_once('/').unwrap_or((location, ""));
    let (login, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, port) = split_port(address)?;
    if path.contains('@') {
        return Err("/ : @ ? percent-encoded in the password".to_owned());
    }
    let mut parameters = Parameters::new();
    for (key, value) in [
        ("user", user),
        ("password", password),
        ("host", host),
        ("port", port),
        ("dbname", path),
    ] {
        if !value.is_empty() {
            parameters.insert(key.to_owned(), decoded(value)?);
        }
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair
            .split_once('=')
            .ok_or("key=value after the question mark")?;
        parameters.insert(decoded(key)?, decoded(value)?);
    }
    Ok(parameters)
}

fn split_port(address: &str) -> Result<(&str, &str), String> {
    if address.contains(',') {
        return Err(ONE_HOST.to_owned());
    }
    if let Some(rest) = address.strip_prefix('[') {
        let (host, rest) = rest
            .split_once(']')
            .ok_or("a closing bracket after the IPv6 address")?;
        return Ok((host, rest.strip_prefix(':').unwrap_or("")));
    }
    Ok(address.rsplit_once(':').unwrap_or((address, "")))
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| "percent-encoded UTF-8".to_owned())
}

/// The key=value form: blanks around `=` are allowed, values may be in single quotes, a backslash escapes.
fn parse_pairs(text: &str) -> Result<Parameters, String> {
    let mut parameters = Parameters::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest
            .split_once('=')
            .ok_or("a postgres:// URL, or key=value pairs")?;
        let (value, after) = take_value(after.trim_start())?;
        parameters.insert(key.trim().to_owned(), value);
        rest = after.trim_start();
    }
    Ok(parameters)
}

fn take_value(text: &str) -> Result<(String, &str), String> {
    let (quoted, text) = text
        .strip_prefix('\'')
        .map_or((false, text), |text| (true, text));
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => value.extend(characters.next()),
            '\'' if quoted => return Ok((value, characters.as_str())),
            blank if !quoted && blank.is_whitespace() => return Ok((value, characters.as_str())),
            _ => value.push(character),
        }
    }
    if quoted {
        Err("a closing quote".to_owned())
    } else {
        Ok((value, ""))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn urls() {
        let full = "postgres://bob:p%40ss%2F@db.example:5433/app?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=3&target_session_attrs=any";
        assert_eq!(
            parse(full),
            Ok(parameters(&[
                ("user", "bob"),
                ("password", "p@ss/"),
                ("host", "db.example"),
                ("port", "5433"),
                ("dbname", "app"),
                ("sslmode", "verify-full"),
                ("sslrootcert", "/ca.pem"),
            ]))
        );
        assert_eq!(
            parse("postgresql://%2Frun%2Fpg"),
            Ok(parameters(&[("host", "/run/pg")]))
        );
        assert_eq!(
            parse("postgres:///app?host=/run/pg"),
            Ok(parameters(&[("dbname", "app"), ("host", "/run/pg")]))
        );
        assert_eq!(
            parse("postgres://[::1]:5433"),
            Ok(parameters(&[("host", "::1"), ("port", "5433")]))
        );
    }

    #[test]
    fn pairs() {
        assert_eq!(
            parse(r"host = db user='o\'brien' password='a b' dbname=x\ y"),
            Ok(parameters(&[
                ("host", "db"),
                ("user", "o'brien"),
                ("password", "a b"),
                ("dbname", "x y")
            ]))
        );
        assert_eq!(
            parse("host=db password=a://b"),
            Ok(parameters(&[("host", "db"), ("password", "a://b")]))
        );
    }

    #[test]
    fn errors_show_no_secret() {
        for (dsn, want) in [
            ("mysql://u:hunter2@h/d", "postgres://"),
            ("postgres://u:hunter2@a:1,b:2/d", "one host"),
            ("host=a,b port=5432,5433 password=hunter2", "one host"),
            ("postgres://u:hunter2@/d?host=a,b", "one host"),
            (
                "postgres://u:hunter2@h/d?target_session_attrs=primary",
                "one host",
            ),
            ("postgres://u:hunter2@h/d?sslmod=require", "only the keys"),
            ("postgres://u:hunter2/@h/d", "percent-encoded"),
            ("postgres://u:12/hunter2@h/d", "percent-encoded"),
            ("postgres://u:hunter2@h/%ff", "percent-encoded"),
            ("hunter2", "key=value"),
            ("password='hunter2", "closing quote"),
        ] {
            let message = parse(dsn).expect_err(dsn);
            assert!(
                message.contains(want) && !message.contains("hunter2"),
                "{dsn}: {message}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_password_is_parsed_in_both_forms(password in "\\PC{1,20}") {
            let encoded = percent_encoding::utf8_percent_encode(&password, percent_encoding::NON_ALPHANUMERIC);
            let url = parse(&format!("postgres://u:{encoded}@h/d")).expect("a URL");
            prop_assert_eq!(&url["password"], &password);
            let escaped = password.replace('\\', r"\\").replace('\'', r"\'");
            let pairs = parse(&format!("host=h password='{escaped}'")).expect("pairs");
            prop_assert_eq!(&pairs["password"], &password);
        }

        #[test]
        fn no_input_panics(text in prop_oneof![any::<String>(), "[a-z=%@:/?&'\\\\ \n\\[\\]]{0,40}"]) {
            let _ = parse(&text);
            let _ = parse(&format!("postgres://{text}"));
        }
    }
}
