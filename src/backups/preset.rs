//! The file names of common backup tools.

use super::pattern::Pattern;

/// A list of patterns under the name of the tool whose files they match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preset {
    Plain,
    Coolify,
    Prodrigestivill,
    Tiredofit,
    PgDumpall,
}

impl Preset {
    pub(crate) const ALL: [(&'static str, Self); 5] = [
        ("plain", Self::Plain),
        ("coolify", Self::Coolify),
        ("prodrigestivill", Self::Prodrigestivill),
        ("tiredofit", Self::Tiredofit),
        ("pg_dumpall", Self::PgDumpall),
    ];

    pub(crate) fn patterns(self) -> Vec<Pattern> {
        let texts = self.texts().iter();
        texts
            .map(|text| Pattern::parse(text).expect("a preset has good patterns"))
            .collect()
    }

    /// Ordered: the first match counts.
    fn texts(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[
                "{database}_backup{extension}",
                "{database}-{timestamp}{extension}",
                "{database}_{timestamp}{extension}",
                "{timestamp}-{database}{extension}",
                "{timestamp}_{database}{extension}",
                "{database}{extension}",
                "{database}_backup",
                "{database}-{timestamp}",
                "{database}_{timestamp}",
            ],
            // app/Jobs/DatabaseBackupJob.php of Coolify
            Self::Coolify => &[
                "pg-dump-{database}-{unixtime}.dmp",
                "pg-dump-all-{unixtime}.gz",
            ],
            // backup.sh of docker-postgres-backup-local. `last` also has links named *-latest.
            Self::Prodrigestivill => &[
                "last/{database}-{timestamp}.sql{compression}",
                "daily/{database}-{timestamp}.sql{compression}",
                "weekly/{database}-*.sql{compression}",
                "monthly/{database}-*.sql{compression}",
            ],
            // docker-db-backup: pgsql_DATABASE_HOST_TIME
            Self::Tiredofit => &[
                "pgsql_all_*_{timestamp}.sql{compression}",
                "pgsql_globals_*_{timestamp}.sql{compression}",
                "pgsql_{database}_*_{timestamp}{extension}",
            ],
            Self::PgDumpall => &["*.sql{compression}", "*.dump{compression}", "*dumpall*"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(preset: Preset, path: &str) -> Option<String> {
        let patterns = preset.patterns();
        let named = patterns
            .iter()
            .find_map(|pattern| pattern.matches(path.as_bytes()))?;
        Some(
            named
                .database
                .map_or_else(String::new, |name| String::from_utf8(name).expect("UTF-8")),
        )
    }

    #[test]
    fn presets_match_the_files_of_their_tools() {
        for (preset, path, found) in [
            (Preset::Plain, "calibre_web_backup.sql", Some("calibre_web")),
            (
                Preset::Plain,
                "shop_2026-01-31_03-04-05.sql.gz",
                Some("shop"),
            ),
            (Preset::Plain, "2026-01-31-shop.dump", Some("shop")),
            (Preset::Plain, "shop.dump", Some("shop")),
            (Preset::Plain, "shop_20260131", Some("shop")),
            (Preset::Plain, "README.md", None),
            (
                Preset::Coolify,
                "root-0/pg-x/pg-dump-shop-1769828645.dmp",
                Some("shop"),
            ),
            (
                Preset::Coolify,
                "root-0/pg-x/pg-dump-all-1769828645.gz",
                Some(""),
            ),
            (
                Preset::Prodrigestivill,
                "last/my-shop-20260131-030405.sql.gz",
                Some("my-shop"),
            ),
            (Preset::Prodrigestivill, "last/shop-latest.sql.gz", None),
            (
                Preset::Prodrigestivill,
                "monthly/shop-202601.sql.gz",
                Some("shop"),
            ),
            (
                Preset::Tiredofit,
                "pgsql_my_db_postgres_20260131-030405.sql.zst",
                Some("my_db"),
            ),
            (
                Preset::Tiredofit,
                "pgsql_all_db_20260131-030405.sql.zst",
                Some(""),
            ),
            (
                Preset::Tiredofit,
                "pgsql_my_db_postgres_20260131-030405.sql.zst.sha1",
                None,
            ),
            (Preset::PgDumpall, "all-20260131.sql.gz", Some("")),
        ] {
            assert_eq!(
                database(preset, path).as_deref(),
                found,
                "{preset:?} {path}"
            );
        }
    }
}
