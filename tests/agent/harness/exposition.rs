//! Pages of metrics are read as they were written, and bad ones not at all.

use proptest::prelude::{any, proptest};

use crate::support::Scrape;

const PAGE: &str = r#"# HELP pg_up Whether it "answers".
# TYPE pg_up gauge
pg_up 1
# a comment
# TYPE pg_size_bytes gauge
pg_size_bytes{database="a \"b\" c:\\d\ne",role="x}y,z"} 4.2e+07
pg_size_bytes{database="plain",} +Inf 1700000000000
pg_size_bytes{database="plain",role=""} NaN
pg:rule{role="é"} -3
"#;

#[test]
fn reads_values_labels_and_types() {
    let scrape = Scrape::parse(PAGE);
    assert_eq!(scrape.value("pg_up", &[]), Some(1.0));
    let escaped = [("database", "a \"b\" c:\\d\ne")];
    assert_eq!(scrape.value("pg_size_bytes", &escaped), Some(4.2e7));
    assert_eq!(scrape.value("pg_size_bytes", &[("database", "none")]), None);
    assert_eq!(scrape.value("pg:rule", &[("role", "é")]), Some(-3.0));
    assert_eq!(
        scrape.series("pg_size_bytes")[0].label("role"),
        Some("x}y,z")
    );
    assert!(scrape.sum("pg_size_bytes", &[]).is_nan());
    assert_eq!(scrape.type_of("pg_up"), Some("gauge"));
    assert_eq!(scrape.names().len(), 3);
    assert_eq!(scrape.text(), PAGE);
}

#[test]
#[should_panic(expected = "is not one")]
fn one_value_of_several_series_is_refused() {
    Scrape::parse(PAGE).value("pg_size_bytes", &[("database", "plain")]);
}

#[test]
fn malformed_pages_are_refused() {
    for page in [
        "pg_up",
        "pg_up\n",
        "pg_up one\n",
        "pg_up 1 soon\n",
        "pg_up 1 2 3\n",
        "1pg_up 1\n",
        "pg-up 1\n",
        "pg_up{a=\"b\" 1\n",
        "pg_up{a=\"b} 1\n",
        "pg_up{a=\"\\x\"} 1\n",
        "pg_up{a=\"b\"c=\"d\"} 1\n",
        "pg_up{a=\"b\",a=\"c\"} 1\n",
        "pg_up{a=\"b\"}1\n",
        "pg_up 1\npg_up 2\n",
        "# TYPE pg_up gauge\n# TYPE pg_up counter\n",
    ] {
        let parsed = std::panic::catch_unwind(|| Scrape::parse(page));
        assert!(parsed.is_err(), "accepted: {page}");
    }
}

proptest! {
    #[test]
    fn label_values_survive_escaping(value in any::<String>()) {
        let escaped = value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
        let scrape = Scrape::parse(&format!("pg_size_bytes{{database=\"{escaped}\"}} 7\n"));
        assert_eq!(scrape.value("pg_size_bytes", &[("database", &value)]), Some(7.0));
    }
}
