//! `pgcommons advise` with an API that does not answer, or lies; and with the agent's own history. What it says of a real Prometheus is
//! tested in `tests/stack`.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::support::{Agent, AgentSpec, create_tenant, eventually, run, sessions, trusting};

/// A name with a quote, a newline and an escape sequence.
const HOSTILE: &str = "a\"b\nc\u{1b}";

/// An address at which each connection gets this answer, and the requests that came.
fn lying(answer: impl Fn(&mut TcpStream) + Send + 'static) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let (sender, requests) = channel();
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut request = vec![0; 1 << 16];
            let length = client.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            if sender.send(request).is_err() {
                return;
            }
            answer(&mut client);
        }
    });
    (format!("http://{address}"), requests)
}

fn http(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn advise(url: &str, args: &[&str]) -> Output {
    let timeout: &[&str] = if args.contains(&"--timeout") {
        &[]
    } else {
        &["--timeout", "5s"]
    };
    let all = [&["advise", "--prometheus", url][..], timeout, args].concat();
    run(AgentSpec {
        args: &all,
        ..AgentSpec::default()
    })
    .await
}

fn assert_one_line(output: &Output, problem: &str) {
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(
        message.starts_with("pgcommons: ") && message.contains(problem),
        "{problem}: {message}"
    );
    assert!(
        !message.contains('\u{1b}') && message.len() < 1000,
        "{message}"
    );
    assert!(output.stdout.is_empty(), "{output:?}");
}

fn matrix(series: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}"#)
}

#[tokio::test]
async fn a_lying_api_is_one_line_and_exit_code_3() {
    let hour = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let hour = hour.expect("a clock after 1970").as_secs() / 3600 * 3600;
    let series =
        |value: &str| format!(r#"{{"metric":{{"server":"main"}},"values":[[{hour},"{value}"]]}}"#);
    for (status, body, problem) in [
        (
            "200 OK",
            "<html>\u{1b}[2J</html>".to_owned(),
            "not the JSON of a query",
        ),
        ("200 OK", "{}".to_owned(), "not the JSON of a query"),
        ("200 OK", "[".repeat(1 << 20), "not the JSON of a query"),
        (
            "200 OK",
            matrix("").replace("matrix", "vector"),
            "it is a vector, not a matrix",
        ),
        ("200 OK", matrix(&series("NaN")), "NaN"),
        ("200 OK", matrix(&series("1e300")), "is not from 0 to"),
        ("200 OK", matrix(&series("-7")), "is not from 0 to"),
        ("200 OK", matrix(&format!("{0},{0}", series("7"))), "twice"),
        ("200 OK", matrix(""), "is the agent scraped?"),
        (
            "200 OK",
            r#"{"status":"error","error":"a\nb\u001b[2J"}"#.to_owned(),
            r"a\nb\u{1b}[2J",
        ),
    ] {
        assert_lie(status, &body, problem).await;
    }
}

#[tokio::test]
async fn a_refusal_is_one_line_and_exit_code_3() {
    for (status, body, problem) in [
        ("401 Unauthorized", String::new(), "refuses the user"),
        (
            "404 Not Found",
            "404 page not found".to_owned(),
            "no API of Prometheus",
        ),
        (
            "422 Unprocessable Entity",
            r#"{"status":"error","error":"too many samples"}"#.to_owned(),
            "too many samples",
        ),
        ("302 Found", String::new(), "HTTP 302"),
        ("503 Service Unavailable", "<html>".to_owned(), "HTTP 503"),
    ] {
        assert_lie(status, &body, problem).await;
    }
}

async fn assert_lie(status: &str, body: &str, problem: &str) {
    let answer = http(status, body);
    let (url, _requests) = lying(move |client| drop(client.write_all(answer.as_bytes())));
    assert_one_line(&advise(&url, &[]).await, problem);
    assert_one_line(&advise(&url, &["--json"]).await, problem);
}

#[tokio::test]
async fn an_api_that_is_not_there_or_never_ends_is_one_line_and_exit_code_3() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = closed.local_addr().expect("it listens");
    drop(closed);
    assert_one_line(
        &advise(&format!("http://{address}"), &[]).await,
        "cannot connect",
    );
    assert_one_line(&advise("ftp://x", &[]).await, "--prometheus must be");
    assert_one_line(
        &advise("http://user:secret@x", &[]).await,
        "--prometheus must be",
    );
    let (silent, _requests) = lying(|client| drop(client.read(&mut [0; 8])));
    assert_one_line(&advise(&silent, &["--timeout", "1s"]).await, "no answer");
    let (endless, _requests) = lying(|client| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = format!("100000\r\n{}\r\n", " ".repeat(1 << 20));
        drop(client.write_all(head.as_bytes()));
        while client.write_all(chunk.as_bytes()).is_ok() {}
    });
    let output = advise(&endless, &["--timeout", "25s"]).await;
    assert_one_line(&output, "larger than 67108864 bytes");
}

#[tokio::test]
async fn passwords_and_tokens_are_sent_and_not_printed() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("secret");
    std::fs::write(&file, "s3cr3t-word\n").expect("the folder can be written");
    let file = file.to_str().expect("a UTF-8 path");
    for (args, header) in [
        (
            &["--user", "ann", "--password-file", file] as &[&str],
            "basic yw5uonmzy3izdc13b3jk",
        ),
        (&["--bearer-token-file", file], "bearer s3cr3t-word"),
    ] {
        let answer = http("403 Forbidden", "");
        let (url, requests) = lying(move |client| drop(client.write_all(answer.as_bytes())));
        let output = advise(&format!("{url}/prometheus/"), args).await;
        assert_one_line(&output, "HTTP 403");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("s3cr3t"));
        let request = requests
            .recv_timeout(Duration::from_secs(5))
            .expect("a request");
        assert!(
            request.starts_with("POST /prometheus/api/v1/query_range HTTP/1.1"),
            "{request}"
        );
        assert!(
            request
                .to_lowercase()
                .contains(&format!("authorization: {header}")),
            "{request}"
        );
    }
    let missing = advise("http://127.0.0.1:1", &["--bearer-token-file", "/nowhere"]).await;
    assert_one_line(&missing, "cannot read /nowhere");
    let refused = advise("http://127.0.0.1:1", &["--user", "ann"]).await;
    assert_one_line(&refused, "--password-file");
}

/// Runs an agent until it has recorded a minute.
async fn record_a_minute(url: &str, state: &str) {
    let env = [("DATABASE_URL", url)];
    let mut agent = Agent::start(AgentSpec {
        args: &["--state.dir", state],
        env: &env,
        ..AgentSpec::default()
    })
    .await;
    let minute = Duration::from_secs(75);
    eventually(minute, "a minute was recorded", async || {
        let status = agent.get("/api/v1/status").await.text();
        status.contains("\"minutes\":1").then_some(())
    })
    .await;
    agent.signal("TERM");
    assert!(agent.wait(Duration::from_secs(10)).await.is_some());
}

/// A minute proves that a limit was reached, and not that another one is too high.
#[tokio::test]
async fn the_agents_own_history_is_a_source() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", 4).await;
    create_tenant(&cluster, "wide", 50).await;
    create_tenant(&cluster, HOSTILE, 3).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let state = folder.path().to_str().expect("a UTF-8 path");
    let url = cluster.superuser_url();
    let mut held = sessions(&cluster, "shop", 4).await;
    held.extend(sessions(&cluster, HOSTILE, 3).await);
    record_a_minute(&url, state).await;
    drop(held);
    let output = from_history(&url, state, &["advise", "--json"]).await;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(1), "{report:#}");
    let tenants = report["tenants"].as_array().expect("tenants");
    let of = |name: &str| {
        tenants
            .iter()
            .find(|it| it["datname"] == name)
            .expect("it is there")
    };
    let shop = of("shop");
    assert_eq!(
        (&shop["verdict"], &shop["recommended_limit"]),
        (&"set_limit".into(), &5.into())
    );
    assert_eq!(shop["sql"], "alter database \"shop\" connection limit 5;");
    // PostgreSQL takes what is advised.
    for name in ["shop", HOSTILE] {
        let sql = of(name)["sql"].as_str().expect("a statement");
        cluster.sql(sql).await;
    }
    let changed = "SELECT count(*) FROM pg_database WHERE datconnlimit = 5";
    assert_eq!(cluster.query_one_i64(changed).await, 2);
    let wide = of("wide");
    assert_eq!(
        (&wide["verdict"], &wide["recommended_limit"]),
        (&"watch".into(), &serde_json::Value::Null)
    );
}

async fn from_history(url: &str, state: &str, args: &[&str]) -> Output {
    run(AgentSpec {
        args,
        env: &[("DATABASE_URL", url), ("PGCOMMONS__STATE__DIR", state)],
        ..AgentSpec::default()
    })
    .await
}

#[tokio::test]
async fn without_an_address_and_a_history_it_cannot_tell() {
    let url = "postgres://127.0.0.1:1";
    let nowhere = run(AgentSpec {
        args: &["advise"],
        env: &[("DATABASE_URL", url)],
        ..AgentSpec::default()
    })
    .await;
    assert_one_line(&nowhere, "give --prometheus");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let state = folder.path().to_str().expect("a UTF-8 path");
    let missing = from_history(url, state, &["advise"]).await;
    assert_one_line(&missing, "reading the history");
    let file = folder.path().join("history");
    std::fs::write(&file, "damaged").expect("the folder can be written");
    let damaged = from_history(url, state, &["advise"]).await;
    assert_one_line(&damaged, "no history of this version");
    assert!(file.exists(), "it belongs to the agent");
}
