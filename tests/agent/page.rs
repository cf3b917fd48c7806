//! The live page, the page of a tenant, and the API: what they show, their protection, hostile names.

mod api;
mod history;
mod terminal;

use std::time::Duration;

use crate::support::{
    Agent, AgentSpec, Cluster, create_tenant, eventually, fresh, quoted, run, sessions, trusting,
    watch,
};

/// Names that try to leave their place in a page, a script, a terminal or an address. PostgreSQL takes 63 bytes.
pub(super) const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>\"'&",
    "💥🐘👩‍🚀🏳️‍🌈👨‍👩‍👧‍👦",
    "../../../metrics",
    "a/b?c#d%2Fe",
    "\u{1b}[2J\u{202e}nimda",
    "' onmouseover='alert(1)' x=\"",
];

pub(super) async fn create_hostile(cluster: &Cluster) {
    for name in HOSTILE {
        cluster
            .sql(&format!("CREATE DATABASE {}", quoted(name)))
            .await;
    }
}

/// The text of the page once it shows this.
async fn page_with(agent: &Agent, path: &str, text: &str) -> String {
    let what = format!("{path} with {text}");
    let shown = eventually(Duration::from_secs(20), &what, async || {
        let page = agent.get(path).await.text();
        page.contains(text).then_some(page)
    });
    shown.await
}

/// The links to the pages of tenants, in the order of the page.
fn tenants(page: &str) -> Vec<&str> {
    let links = page.split("href=\"tenant/").skip(1);
    links.filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn the_tenant_that_leaks_is_the_first_row_and_has_its_sessions() {
    let cluster = trusting(&[]).await;
    for tenant in ["blog", "forum", "shop"] {
        create_tenant(&cluster, tenant, 5).await;
    }
    let agent = watch(&cluster, "").await;
    fresh(&agent).await;
    let page = agent.get("/").await.text();
    assert!(page.contains("href=\"tenant/"), "{page}");
    let _leak = sessions(&cluster, "forum", 5).await;
    let page = page_with(&agent, "/", "database forum uses 5 of 5 connections").await;
    let first = tenants(&page)[0];
    assert!(first.ends_with("/forum"), "{first}");
    let tenant = agent.get(&format!("/tenant/{first}")).await.text();
    assert!(tenant.contains("<h1>forum</h1>"), "{tenant}");
    assert!(tenant.contains("Sessions by role, application and state"));
    assert!(tenant.contains("<td>idle</td>"), "{tenant}");
    assert!(tenant.contains("database forum uses 5 of 5 connections"));
}

#[tokio::test]
async fn a_hostile_name_is_text_on_every_page() {
    let cluster = trusting(&[]).await;
    create_hostile(&cluster).await;
    let agent = watch(&cluster, "").await;
    fresh(&agent).await;
    let page = agent.get("/").await.text();
    let links = tenants(&page);
    assert_eq!(links.len(), HOSTILE.len() + 1, "{page}");
    for link in links {
        assert_eq!(link.matches('/').count(), 1, "{link}");
        let reply = agent.get(&format!("/tenant/{link}")).await;
        assert_eq!(reply.status, 200, "{link}");
        for text in [&page, &reply.text()] {
            assert_eq!(text.matches("<script").count(), 1, "{text}");
            for harmful in ["onmouseover='", "\u{1b}", "\u{202e}"] {
                assert!(!text.contains(harmful), "{harmful:?} in {text}");
            }
        }
    }
}

#[tokio::test]
async fn the_pages_have_a_strict_policy_and_load_nothing_from_elsewhere() {
    let cluster = trusting(&[]).await;
    let agent = watch(&cluster, "").await;
    fresh(&agent).await;
    for path in [
        "/",
        "/?databases=all",
        "/page.css",
        "/page.js",
        "/api/v1/status",
    ] {
        let reply = agent.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        let policy = reply.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let text = reply.text();
        assert!(!text.contains("://"), "{path} names another host: {text}");
        assert!(!text.contains("style=\""), "{path}");
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_shown_with_the_reason() {
    let cluster = trusting(&[]).await;
    let config = format!(
        "servers:\n  main: {{dsn: '{}'}}\n  spare: {{host: 127.0.0.1, port: 1}}\n",
        cluster.superuser_url()
    );
    let agent = Agent::start(AgentSpec {
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    let page = page_with(&agent, "/", "down: refused").await;
    assert!(page.contains("no process answers at the address of the server"));
    assert!(page.contains("pgcommons check"));
    assert!(page.contains("jobs, 1 failing"), "{page}");
    page_with(&agent, "/", "PostgreSQL ").await;
}

#[tokio::test]
async fn wrong_values_are_refused_in_one_line_each() {
    for (flag, problem) in [
        (
            "--web.page=maybe",
            "web.page (--web.page): got \"maybe\", want true or false",
        ),
        (
            "--state.dir=here",
            "state.dir (--state.dir): got \"here\", want the absolute path",
        ),
    ] {
        let output = run(AgentSpec {
            args: &[flag],
            env: &[("DATABASE_URL", "postgres://127.0.0.1:1")],
            ..AgentSpec::default()
        })
        .await;
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            error.starts_with(&format!("pgcommons: {problem}")),
            "{error}"
        );
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[tokio::test]
async fn without_the_page_there_is_neither_page_nor_api() {
    let cluster = Cluster::start(&[]);
    for (args, config) in [
        (&["--web.page=false"][..], "web: {page: true}\n"),
        (&[][..], "web: {page: false}\n"),
    ] {
        let url = cluster.superuser_url();
        let agent = Agent::start(AgentSpec {
            args,
            env: &[("DATABASE_URL", &url)],
            config: Some(config),
            ..AgentSpec::default()
        })
        .await;
        for path in [
            "/",
            "/api/v1/status",
            "/page.css",
            "/page.js",
            "/tenant/a/b",
        ] {
            let reply = agent.get(path).await;
            assert_eq!(reply.status, 404, "{path}");
            assert!(!reply.text().contains("/api"), "{}", reply.text());
        }
        assert_eq!(agent.get("/metrics").await.status, 200);
    }
}
