//! The answers of each path of the listener, whatever the servers and other clients do.

mod query;
mod wire;

use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;

use crate::support::{Agent, AgentSpec, Cluster, Scrape, eventually, exchange_async};

/// Nothing listens there: most answers need no server that is up.
const NOWHERE: &[(&str, &str)] = &[("DATABASE_URL", "postgres://127.0.0.1:1")];
/// A name with special characters of URLs, HTML and the text format.
const ODD: &str = r#"<b>&"'/#%?="#;
const ODD_SERVERS: &str = r#"
servers:
  '<b>&"''/#%?=': {host: 127.0.0.1, port: 1}
  plain: {host: 127.0.0.1, port: 1}
"#;

async fn without_server() -> Agent {
    let spec = AgentSpec {
        env: NOWHERE,
        ..AgentSpec::default()
    };
    Agent::start(spec).await
}

async fn with_odd_servers() -> Agent {
    let spec = AgentSpec {
        config: Some(ODD_SERVERS),
        ..AgentSpec::default()
    };
    Agent::start(spec).await
}

/// An agent whose page does not change, because the next poll is an hour away.
async fn polled_once(cluster: &Cluster) -> Agent {
    let config = "poll: {interval: 1h, window: 1h}\n";
    let url = cluster.superuser_url();
    let env = [("DATABASE_URL", url.as_str())];
    let agent = Agent::start(AgentSpec {
        config: Some(config),
        env: &env,
        ..AgentSpec::default()
    })
    .await;
    agent
        .scrape_until("all jobs were polled", |page| {
            let polled = |poll| {
                page.sum(
                    "pgcommons_polls_total",
                    &[("poll", poll), ("outcome", "ok")],
                )
            };
            ["activity", "stats", "sizes"]
                .into_iter()
                .all(|poll| polled(poll) >= 1.0)
        })
        .await;
    agent
}

#[tokio::test]
async fn the_metrics_page_declares_its_format() {
    let agent = without_server().await;
    let reply = agent.get("/metrics").await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_eq!(reply.header("content-encoding"), None);
    assert_eq!(
        reply.header("vary"),
        Some("accept-encoding"),
        "for caching proxies"
    );
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let cluster = Cluster::start(&[]);
    let agent = polled_once(&cluster).await;
    for path in ["/metrics", "/-/healthy", "/-/ready", "/", "/nowhere"] {
        let (get, head) = (
            agent.get(path).await,
            agent.request("HEAD", path, &[]).await,
        );
        assert!(head.body.is_empty(), "{path}: {}", head.text());
        assert_eq!(head.status, get.status, "{path}");
        let length = get.body.len().to_string();
        assert_eq!(
            head.header("content-length"),
            Some(length.as_str()),
            "{path}"
        );
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_page_is_built_once_per_poll_and_compressed_on_request() {
    let cluster = Cluster::start(&[]);
    let agent = polled_once(&cluster).await;
    let plain = agent.get("/metrics").await;
    // A new page would count these connections.
    let address = agent.address();
    let open: Vec<_> = (0..5).map(|_| wire::kept_open(address)).collect();
    let again = agent
        .get_with("/metrics", &[("Accept-Encoding", "identity")])
        .await;
    assert!(plain.text().contains("process_open_fds"));
    assert!(plain.text() == again.text(), "the page was built again");
    drop(open);
    let packed = agent
        .get_with("/metrics", &[("Accept-Encoding", "deflate, gzip;q=0.5")])
        .await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.header("content-type"), plain.header("content-type"));
    assert!(
        packed.body.len() < plain.body.len() / 2,
        "{} bytes",
        packed.body.len()
    );
    let mut unpacked = String::new();
    GzDecoder::new(packed.body.as_slice())
        .read_to_string(&mut unpacked)
        .expect("it is gzip");
    assert_eq!(unpacked, plain.text());
    let refused = agent
        .get_with("/metrics", &[("Accept-Encoding", "gzip;q=0")])
        .await;
    assert_eq!(refused.text(), plain.text());
}

#[tokio::test]
async fn one_server_can_be_scraped_whatever_its_name() {
    let agent = with_odd_servers().await;
    let page = agent.scrape().await;
    assert_eq!(page.series("pg_up").len(), 2);
    for (query, name) in [
        ("server=plain", "plain"),
        ("x=y&server=pl%61in&server=other", "plain"),
        ("server=%3Cb%3E%26%22%27%2F%23%25%3F%3D", ODD),
        ("server=%3cb%3e%26%22'/%23%25?=", ODD),
    ] {
        let reply = agent.get(&format!("/metrics?{query}")).await;
        assert_eq!(reply.status, 200, "{query}");
        let page = Scrape::parse(&reply.text());
        assert_eq!(
            page.value("pg_up", &[("server", name)]),
            Some(0.0),
            "{query}"
        );
        for metric in page.names() {
            for sample in page.series(metric) {
                let server = sample.label("server");
                assert!(server.is_none_or(|server| server == name), "{sample:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_configured_is_not_found() {
    let agent = with_odd_servers().await;
    for query in [
        "server=",
        "server=Plain",
        "server=plain%20",
        "server=%ff",
        "server",
    ] {
        let reply = agent.get(&format!("/metrics?{query}")).await;
        assert_eq!(reply.status, 404, "{query}: {}", reply.text());
    }
    assert_eq!(agent.get("/metrics?").await.status, 200);
    assert_eq!(agent.get("/metrics?target=plain").await.status, 200);
}

#[tokio::test]
async fn other_methods_are_refused_with_the_allowed_ones() {
    let agent = without_server().await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        for path in ["/metrics", "/", "/-/reload"] {
            let reply = agent
                .request(method, path, &[("Content-Length", "0")])
                .await;
            assert_eq!(reply.status, 405, "{method} {path}");
            assert_eq!(reply.header("allow"), Some("GET, HEAD"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let agent = without_server().await;
    for path in [
        "/nowhere",
        "/metrics/",
        "/METRICS",
        "//metrics",
        "/-/",
        "/../metrics",
        "/%2e",
    ] {
        assert_eq!(agent.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn without_a_server_it_is_healthy_but_not_ready() {
    let agent = without_server().await;
    let healthy = agent.get("/-/healthy").await;
    assert_eq!(
        (healthy.status, healthy.text().as_str()),
        (200, "healthy\n")
    );
    agent
        .scrape_until("refused", |page| {
            page.value("pgcommons_connect_failures_total", &[("reason", "refused")]) > Some(0.0)
        })
        .await;
    let ready = agent.get("/-/ready").await;
    assert_eq!(
        (ready.status, ready.text().as_str()),
        (503, "127.0.0.1:1: refused\n")
    );
    let cluster = Cluster::start(&[]);
    let ready = polled_once(&cluster).await.get("/-/ready").await;
    assert_eq!(
        (ready.status, ready.text()),
        (200, format!("127.0.0.1:{}: up\n", cluster.port()))
    );
}

#[tokio::test]
async fn the_page_links_to_all_paths_and_escapes_names() {
    let agent = with_odd_servers().await;
    let reply = agent.get("/").await;
    assert_eq!(
        reply.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let page = reply.text();
    assert!(
        page.contains(&format!("pgcommons {}", env!("CARGO_PKG_VERSION"))),
        "{page}"
    );
    assert!(
        page.contains(">&lt;b&gt;&amp;&quot;&#39;/#%?=</h2>"),
        "{page}"
    );
    assert!(!page.contains("<b>"), "{page}");
    let links: Vec<_> = page
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let links: Vec<_> = links.into_iter().filter(|it| *it != "data:,").collect();
    // The style, this page, the metrics of two servers, and four at the end.
    assert_eq!(links.len(), 8, "{links:?}");
    for link in links {
        let link = format!("/{}", link.trim_start_matches("./"));
        let status = agent.get(&link).await.status;
        assert_eq!(status, if link == "/-/ready" { 503 } else { 200 }, "{link}");
    }
}

/// The flag may be repeated, as with the exporters of Prometheus.
#[tokio::test]
async fn the_agent_listens_on_several_addresses() {
    let repeated: &[&str] = &[
        "--web.listen-address=127.0.0.1:0",
        "--web.listen-address=127.0.0.2:0",
    ];
    for args in [repeated, &["--web.listen-address=127.0.0.1:0, 127.0.0.2:0"]] {
        let agent = Agent::start(AgentSpec {
            args,
            env: NOWHERE,
            ..AgentSpec::default()
        })
        .await;
        let both = eventually(Duration::from_secs(5), "it listens on both", async || {
            let addresses = agent.addresses();
            (addresses.len() == 2).then_some(addresses)
        });
        for address in both.await {
            let reply = exchange_async(address, "GET", "/-/healthy", &[]).await;
            assert_eq!(reply.expect("an answer").status, 200, "{address}");
        }
    }
}
