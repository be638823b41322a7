//! Tables in which tools keep track of migrations.

/// What they are called, in lower case.
const TRACKERS: [&str; 19] = [
    "__diesel_schema_migrations",
    "__drizzle_migrations",
    "__efmigrationshistory",
    "_prisma_migrations",
    "_sqlx_migrations",
    "alembic_version",
    "ar_internal_metadata",
    "databasechangelog",
    "databasechangeloglock",
    "django_migrations",
    "flyway_schema_history",
    "goose_db_version",
    "gorp_migrations",
    "knex_migrations",
    "knex_migrations_lock",
    "migrations",
    "refinery_schema_history",
    "schema_migrations",
    "seaql_migrations",
];

/// Whether the table `name`, in whichever schema, is one of them.
pub(super) fn is_tracker(name: &str) -> bool {
    let bare = name.rsplit('.').next().unwrap_or(name).to_lowercase();
    TRACKERS.contains(&bare.as_str())
}
