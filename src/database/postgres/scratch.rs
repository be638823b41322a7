//! A database for a moment, beside the host's.

use sqlx::PgConnection;
use uuid::Uuid;

use super::catalogue::{literal, quote};
use super::connect::{Connect, close};
use super::error::{failed, is_denied};
use super::host_path::HostPath;
use super::{DatabaseError, run};

/// What the names of scratch databases begin with; the second in which it was made follows.
const PREFIX: &str = "factory_reset_scratch_";

/// The role may not create databases.
#[derive(Debug, thiserror::Error)]
#[error(
    "what makes a fresh install runs there, to learn what that holds: \
     run `ALTER ROLE {role} CREATEDB`, or open with `Postgres::open_with_scratch(…)` and a role \
     that may, or name a pristine database"
)]
struct Denied {
    role: String,
    source: sqlx::Error,
}

/// How the host's database is set up, as far as rows depend on it.
#[derive(Debug)]
pub(super) struct Model {
    /// The end of `CREATE DATABASE`.
    locale: String,
    time_zone: String,
    path: HostPath,
}

/// An empty database on which migrations or a script can run. Whoever has made it drops it; what a crash
/// leaves goes an hour later.
#[derive(Debug)]
pub(super) struct Scratch {
    name: String,
    maintenance: PgConnection,
    connect: Connect,
}

impl Model {
    /// Reads it off the host's database.
    pub(super) async fn of(
        connection: &mut PgConnection,
        path: &HostPath,
    ) -> Result<Self, DatabaseError> {
        // The column of the ICU locale has another name in each other version.
        let (encoding, collate, kind, provider, locale, time_zone): (
            String,
            String,
            String,
            String,
            Option<String>,
            String,
        ) = sqlx::query_as(
            "SELECT pg_catalog.pg_encoding_to_char(d.encoding)::pg_catalog.text, \
                    d.datcollate::pg_catalog.text, d.datctype::pg_catalog.text, \
                    coalesce(pg_catalog.to_jsonb(d) ->> 'datlocprovider', 'c'), \
                    coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', \
                             pg_catalog.to_jsonb(d) ->> 'daticulocale'), \
                    pg_catalog.current_setting('TimeZone') \
             FROM pg_catalog.pg_database AS d \
             WHERE d.datname = pg_catalog.current_database()",
        )
        .fetch_one(connection)
        .await
        .map_err(failed("read how the database is set up"))?;
        let mut text = format!(
            "ENCODING {} LC_COLLATE {} LC_CTYPE {}",
            literal(&encoding),
            literal(&collate),
            literal(&kind)
        );
        let locale = locale.as_deref().map(literal).unwrap_or_default();
        match provider.as_str() {
            "i" => text.push_str(&format!(" LOCALE_PROVIDER icu ICU_LOCALE {locale}")),
            "b" => text.push_str(&format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {locale}")),
            _ => {}
        }
        Ok(Self {
            locale: text,
            time_zone,
            path: path.clone(),
        })
    }

    /// Has `connection` find names, and show times, as the host does in its own database.
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), DatabaseError> {
        let set_up = format!("{}; {}", self.path.set_session(), self.set_time_zone());
        run(connection, &set_up)
            .await
            .map_err(failed("set the connection up"))
    }

    fn set_time_zone(&self) -> String {
        let time_zone = literal(&self.time_zone);
        format!("SELECT pg_catalog.set_config('TimeZone', {time_zone}, false)")
    }

    /// The schema in which the host's tables are created.
    pub(super) fn schema(&self) -> &str {
        &self.path.schema
    }

    async fn create_schema(&self, connection: &mut PgConnection) -> Result<(), DatabaseError> {
        self.apply(connection).await?;
        let create = format!("CREATE SCHEMA IF NOT EXISTS {}", quote(self.schema()));
        run(connection, &create)
            .await
            .map_err(failed("set the scratch database up"))
    }
}

impl Scratch {
    /// Creates a database like `model`.
    pub(super) async fn create(connect: &Connect, model: &Model) -> Result<Self, DatabaseError> {
        let mut maintenance = connect.open().await?;
        drop_leftovers(&mut maintenance).await?;
        let prefix: String = sqlx::query_scalar(
            "SELECT $1 || extract(epoch FROM pg_catalog.clock_timestamp())::pg_catalog.int8\
                    ::pg_catalog.text || '_'",
        )
        .bind(PREFIX)
        .fetch_one(&mut maintenance)
        .await
        .map_err(failed("read the clock"))?;
        // Names end after 63 bytes; the random part comes last.
        let unique = Uuid::now_v7().simple().to_string();
        let name = format!("{prefix}{}", &unique[20..]);
        // Closed until the rights that every role has in a new database are taken away: what runs
        // here finds names in schemas of this database.
        let quoted = quote(&name);
        let create = format!(
            "CREATE DATABASE {quoted} TEMPLATE template0 ALLOW_CONNECTIONS false {}",
            model.locale
        );
        if let Err(error) = run(&mut maintenance, &create).await {
            let action = "create a scratch database";
            if !is_denied(&error) {
                return Err(failed(action)(error));
            }
            let role = sqlx::query_scalar("SELECT pg_catalog.quote_ident(CURRENT_USER)")
                .fetch_one(&mut maintenance)
                .await
                .unwrap_or_else(|_| "…".to_owned());
            let denied = Denied {
                role,
                source: error,
            };
            return Err(DatabaseError::new(action, denied));
        }
        let connect = connect.database(&name);
        let mut scratch = Self {
            name,
            maintenance,
            connect,
        };
        let open = format!(
            "REVOKE ALL ON DATABASE {quoted} FROM PUBLIC; \
             ALTER DATABASE {quoted} WITH ALLOW_CONNECTIONS true"
        );
        if let Err(error) = run(&mut scratch.maintenance, &open).await {
            scratch.drop().await;
            return Err(failed("create a scratch database")(error));
        }
        Ok(scratch)
    }

    /// Connects as the host does, for what is to run there.
    pub(super) async fn open_plain(&self, model: &Model) -> Result<PgConnection, DatabaseError> {
        let mut connection = self.connect.open_plain().await?;
        model.create_schema(&mut connection).await?;
        Ok(connection)
    }

    /// Connects for the engine to read.
    pub(super) async fn open(&self, model: &Model) -> Result<PgConnection, DatabaseError> {
        let mut connection = self.connect.open().await?;
        run(&mut connection, &model.set_time_zone())
            .await
            .map_err(failed("set the connection up"))?;
        Ok(connection)
    }

    /// Drops the database; where that fails, a later start does. Without FORCE: that may not end
    /// the autovacuum of a role that is no superuser's, which a plain DROP sends away.
    pub(super) async fn drop(mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {}", quote(&self.name));
        if let Err(error) = run(&mut self.maintenance, &drop).await {
            tracing::warn!(
                error = error.to_string(),
                name = self.name,
                "could not drop a scratch database"
            );
        }
        close(self.maintenance).await;
    }
}

/// Drops what crashed processes have left.
async fn drop_leftovers(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    let leftovers: Vec<String> = sqlx::query_scalar(
        "SELECT d.datname::pg_catalog.text FROM pg_catalog.pg_database AS d \
         WHERE d.datname ~ ('^' || $1 || '[0-9]{1,12}_[0-9a-f]{12}$') \
           AND pg_catalog.split_part(\
                   pg_catalog.substr(d.datname::pg_catalog.text, pg_catalog.length($1) + 1), '_', 1\
               )::pg_catalog.int8 \
               < extract(epoch FROM pg_catalog.clock_timestamp()) - 3600 \
           AND pg_catalog.pg_has_role(d.datdba, 'USAGE') \
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.datid = d.oid)",
    )
    .bind(PREFIX)
    .fetch_all(&mut *connection)
    .await
    .map_err(failed("look for scratch databases of crashed processes"))?;
    for name in leftovers {
        let drop = format!("DROP DATABASE IF EXISTS {}", quote(&name));
        if let Err(error) = run(connection, &drop).await {
            tracing::warn!(
                error = error.to_string(),
                name,
                "could not drop a scratch database"
            );
        }
    }
    Ok(())
}
