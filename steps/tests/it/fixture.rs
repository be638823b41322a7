//! A host with a cache and with generated files.

use std::fs;
use std::time::Duration;

use factory_reset::{
    Engine, EngineBuilder, Phase, Report, ResetRequest, ResetStep, Selection, StepContext,
    StepDescriptor, StepError, StepOutcome, StepPlan, StepRegistration, async_trait,
};
use factory_reset_steps::redis::aio::MultiplexedConnection;
use factory_reset_steps::redis::{Client, Cmd};
use factory_reset_steps::{CacheKeys, GeneratedFiles};
use tempfile::TempDir;
use test_servers::Redis;

/// The prefix of the host's keys.
pub(crate) const PREFIX: &str = "stories:";

const UNUSED: [&str; 8] = [
    "config",
    "generators",
    "media",
    "passphrase",
    "rate-limits",
    "runtimes",
    "tables",
    "watchtower",
];

/// A data directory with a report in it, and a Redis server.
pub(crate) struct Host {
    directory: TempDir,
    pub(crate) redis: Redis,
}

impl Host {
    pub(crate) fn new() -> Self {
        let host = Self {
            directory: tempfile::tempdir().unwrap(),
            redis: Redis::start(),
        };
        fs::create_dir(host.directory.path().join("reports")).unwrap();
        fs::write(host.directory.path().join("reports/one"), "one").unwrap();
        host
    }

    /// Whether the report is still there.
    pub(crate) fn has_report(&self) -> bool {
        self.directory.path().join("reports/one").exists()
    }

    pub(crate) fn builder(&self, keys: CacheKeys) -> EngineBuilder {
        UNUSED
            .iter()
            .fold(Engine::builder(), |builder, step| builder.without(*step))
            .data_dir(self.directory.path())
            .resource(GeneratedFiles::new(["reports"]))
            .resource(keys)
    }

    pub(crate) async fn engine_of(&self, url: &str, prefix: &str) -> Engine {
        let keys = CacheKeys::open(url, prefix).unwrap();
        self.builder(keys).build().await.unwrap()
    }

    pub(crate) async fn engine(&self) -> Engine {
        self.engine_of(&self.redis.url(), PREFIX).await
    }

    pub(crate) async fn connect(&self) -> MultiplexedConnection {
        let client = Client::open(self.redis.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// Sets each key to something.
    pub(crate) async fn set<Key: AsRef<[u8]>>(&self, keys: &[Key]) {
        let mut connection = self.connect().await;
        for batch in keys.chunks(10_000) {
            let mut pipe = factory_reset_steps::redis::pipe();
            for key in batch {
                pipe.cmd("SET").arg(key.as_ref()).arg(1).ignore();
            }
            pipe.exec_async(&mut connection).await.unwrap();
        }
    }

    /// Every key of the server, sorted.
    pub(crate) async fn keys(&self) -> Vec<Vec<u8>> {
        let mut connection = self.connect().await;
        let all = Cmd::keys("*");
        let mut keys: Vec<Vec<u8>> = all.query_async(&mut connection).await.unwrap();
        keys.sort();
        keys
    }
}

/// Runs one command, given as words.
pub(crate) async fn run(connection: &mut MultiplexedConnection, command: &str) {
    let mut words = command.split(' ');
    let mut line = factory_reset_steps::redis::cmd(words.next().unwrap());
    words.for_each(|word| {
        line.arg(word);
    });
    line.exec_async(connection).await.unwrap();
}

pub(crate) fn everything() -> ResetRequest {
    ResetRequest::new(Selection::all()).confirmed()
}

pub(crate) fn cache_alone() -> Selection {
    Selection::steps(["cache"])
}

/// How many keys a preview or a report tells of.
pub(crate) fn counted(report: &Report) -> u64 {
    report.cleared["cache_keys_deleted"].as_u64().unwrap()
}

/// A step that does something before the commit.
pub(crate) fn meanwhile(work: impl Fn() + Send + Sync + 'static) -> StepRegistration {
    struct Meanwhile<Work>(Work);

    #[async_trait]
    impl<Work: Fn() + Send + Sync> ResetStep for Meanwhile<Work> {
        async fn apply(
            &self,
            _: &mut StepContext<'_>,
            plan: &StepPlan,
        ) -> Result<StepOutcome, StepError> {
            (self.0)();
            Ok(StepOutcome::as_planned(plan))
        }
    }

    let descriptor = StepDescriptor::new("meanwhile", Phase::Erase);
    StepRegistration::new(descriptor, Box::leak(Box::new(Meanwhile(work))))
}

/// Waits until nothing of any run is pending; a minute is far more than it takes.
pub(crate) async fn until_nothing_is_pending(engine: &Engine) {
    let waiting = async {
        while engine.history().iter().any(|run| !run.pending.is_empty()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.unwrap();
}
