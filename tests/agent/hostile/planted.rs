//! Functions, operators, tables and types with the names that the agent's SQL uses, created where an unprotected session would
//! find them before the server's own. Each raises an error, so one call fails a poll.

use crate::support::{
    AGENT, Cluster, create_agent_role, create_tenant, failed_polls, fresh, sessions, trusting,
    watch_as,
};

/// Every function and aggregate that the statements in `src/postgres` use, including the functions behind `extract` and casts.
const FUNCTIONS: &str = "'age', 'clock_timestamp', 'count', 'current_setting', 'date_part', 'extract', 'float8', \
    'has_database_privilege', 'int4', 'int8', 'lower', 'max', 'min', 'mxid_age', 'namesend', 'now', \
    'pg_database_size', 'pg_has_role', 'pg_postmaster_start_time', 'pg_stat_get_activity', \
    'hashint8extended', 'hashnameextended', 'hashoidextended', 'statement_timestamp', 'sum', 'text', 'timestamptz', \
    'version'";

/// Takes the signatures from the catalogue, so that each matches as well as the original.
const PLANT: &str = "
DO $plant$
DECLARE real record; body text := $$ LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''planted''; END' $$;
BEGIN
    FOR real IN SELECT proname, oidvectortypes(proargtypes) AS arguments, pg_get_function_result(oid) AS result
                  FROM pg_proc AS p
                 WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND proname IN ({functions})
                   AND NOT EXISTS (SELECT FROM pg_type AS t WHERE t.oid = ANY (p.proargtypes) AND typtype = 'p')
    LOOP
        EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS %s', real.proname, real.arguments, real.result) || body;
    END LOOP;
    FOR real IN SELECT oid, oprname, format_type(oprleft, NULL) AS l, format_type(oprright, NULL) AS r,
                       format_type(oprresult, NULL) AS result
                  FROM pg_operator
                 WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprleft <> 0
                   AND oprname IN ('=', '<>', '<', '>', '-', '+', '*', '%')
                   AND oprleft::regtype::text IN ('oid', 'text', 'name', 'integer', 'bigint', '\"char\"', 'boolean',
                       'timestamp with time zone', 'interval', 'double precision', 'numeric')
    LOOP
        EXECUTE format('CREATE FUNCTION public.operator_%s(%s, %s) RETURNS %s', real.oid, real.l, real.r, real.result)
             || body;
        EXECUTE format('CREATE OPERATOR public.%s (FUNCTION = public.operator_%s, LEFTARG = %s, RIGHTARG = %s)',
                       real.oprname, real.oid, real.l, real.r);
    END LOOP;
    FOR real IN SELECT unnest(ARRAY['pg_database', 'pg_roles', 'pg_settings', 'pg_stat_database', 'pg_locks',
                                    'pg_stat_activity', 'pg_authid']) AS name
    LOOP
        EXECUTE format('CREATE TABLE public.%I ()', real.name);
    END LOOP;
    EXECUTE 'CREATE FUNCTION public.no_number(bigint) RETURNS bigint' || body;
    CREATE AGGREGATE public.count(*) (SFUNC = public.no_number, STYPE = bigint, INITCOND = '0');
    CREATE DOMAIN public.float8 AS bytea;
    CREATE DOMAIN public.int8 AS bytea;
    CREATE DOMAIN public.\"char\" AS bytea;
    CREATE DOMAIN public.oid AS bytea;
END $plant$";

async fn plant(cluster: &Cluster) {
    cluster
        .sql("GRANT CREATE ON SCHEMA public TO mallory")
        .await; // PUBLIC has it up to 14
    let mallory = cluster.connect("mallory", "mallory", "postgres").await;
    let mallory = mallory.expect("PUBLIC may connect");
    let plant = PLANT.replace("{functions}", FUNCTIONS);
    mallory
        .batch_execute(&plant)
        .await
        .expect("planted objects");
    mallory.close().await;
    for whose in [format!("ROLE {AGENT}"), "DATABASE postgres".to_owned()] {
        let first = format!("ALTER {whose} SET search_path = public, pg_catalog");
        cluster.sql(&first).await;
    }
}

/// A session without protection does call them.
async fn assert_found_by_unprotected_session(cluster: &Cluster) {
    let session = cluster
        .connect(AGENT, AGENT, "postgres")
        .await
        .expect("a session");
    for statement in [
        "SELECT now()",
        "SELECT text 'a' = text 'b'",
        "SELECT count(*) FROM pg_catalog.pg_roles",
    ] {
        let error = session.batch_execute(statement).await.expect_err(statement);
        let error = error.as_db_error().expect("of the server").message();
        assert_eq!(error, "planted", "{statement}");
    }
    session.close().await;
}

#[tokio::test]
async fn nothing_planted_in_public_is_ever_called() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "mallory", 50).await;
    create_agent_role(&cluster).await;
    plant(&cluster).await;
    assert_found_by_unprotected_session(&cluster).await;
    let raised = || cluster.log().matches("planted").count();
    let before = raised();

    let _open = sessions(&cluster, "mallory", 2).await;
    let agent = watch_as(&cluster, AGENT, "").await;
    let of = [("datname", "mallory")];
    for family in ["pg_database_size_bytes", "pg_stat_database_numbackends"] {
        agent
            .scrape_until(family, |page| page.value(family, &of).is_some())
            .await;
    }
    let page = fresh(&agent).await;
    assert_eq!(page.value("pgcommons_database_connections", &of), Some(2.0));
    assert_eq!(
        page.value("pgcommons_database_connections_headroom", &of),
        Some(48.0)
    );
    assert_eq!(
        page.value("pgcommons_role_connections", &[("rolname", "mallory")]),
        Some(2.0)
    );
    assert!(
        page.value(
            "pgcommons_resource_utilization_ratio",
            &[("resource", "lock_table")]
        )
        .is_some()
    );
    assert_eq!(failed_polls(&page), [""; 0]);
    assert_eq!(raised(), before, "{}", cluster.log());
}
