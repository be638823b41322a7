//! The used install that every point of every sweep starts from, and the two states that a
//! point may end in.

use std::fs;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

use fault_sweeps::{Control, End, Fault, State, block_on};
use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_servers::{Database, Postgres, Redis};

use crate::host::Host;
use crate::install::{Backend, Install};
use crate::server::{Answer, Server, try_send};

/// The server of all points: what it has not synced it may lose with the machine, which stays.
pub(super) fn postgres() -> &'static Postgres {
    static POSTGRES: LazyLock<Postgres> = LazyLock::new(|| Postgres::start_with(&["fsync = off"]));
    &POSTGRES
}

/// What is done at each point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Complete,
    Restore,
}

impl Action {
    fn request(self, server: &Server, token: &str) -> reqwest::RequestBuilder {
        let (call, body) = match self {
            Self::Complete => ("complete", json!({ "confirm": true })),
            Self::Restore => ("restore", json!({ "confirm": true, "name": "kept" })),
        };
        let path = format!("/api/reset/{call}");
        let request = server.request(Method::POST, &path);
        request.bearer_auth(token).json(&body)
    }

    /// Nothing when the host was killed before it had answered.
    pub(super) async fn ask(self, server: &Server, token: &str) -> Option<Answer> {
        try_send(self.request(server, token)).await
    }
}

/// A used install: it has a backup, and has changed since.
pub(super) struct Fixture {
    pub(super) action: Action,
    /// A token that does not expire while a sweep goes on.
    pub(super) token: String,
    original: PathBuf,
    server: &'static Postgres,
    database: Option<Database>,
    old: State,
    new: State,
    _owned: TempDir,
}

impl Fixture {
    pub(super) fn of(backend: Backend, action: Action) -> Self {
        block_on(Self::prepare(postgres(), backend, action))
    }

    /// With its rows in a server that may be stopped.
    pub(super) fn on(server: &'static Postgres, action: Action) -> Self {
        block_on(Self::prepare(server, Backend::Postgres, action))
    }

    async fn prepare(server: &'static Postgres, backend: Backend, action: Action) -> Self {
        let postgres = server;
        let database = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(postgres.create_database()),
        };
        let owned = fault_sweeps::directory();
        let place = Place::over(postgres, database.clone());
        let mut server = place.install.host().demo().start();
        let issued = server.token("admin").await;
        let token = lasting(&server, &issued);
        let post = async |path: &str, body: Value| {
            let answer = server.post(path, &token, body).await;
            assert!(answer.status.is_success(), "{}", answer.text);
        };
        post("/api/reset/backup", json!({ "name": "kept" })).await;
        post("/api/stories", json!({ "title": "canary4c1b" })).await;
        post("/api/stories/2/publish", json!({})).await;
        post("/api/reports", json!({ "name": "canary4c1b" })).await;
        fs::remove_file(place.install.path("reports/demo-1.json")).unwrap();
        server.stop();
        let original = owned.path().join("data");
        fault_sweeps::copy(&place.install.data, &original);
        let kept = database.map(|database| postgres.copy_database(&database));
        let mut fixture = Self {
            action,
            token,
            old: place.state().await,
            new: place.state().await,
            original,
            server: postgres,
            database: kept,
            _owned: owned,
        };
        let place = fixture.place();
        fixture.old = place.restart().await.unwrap();
        let server = place.install.host().start();
        let answer = action.ask(&server, &fixture.token).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
        drop(server);
        fixture.new = renewed(place.restart().await.unwrap());
        assert_ne!(fixture.old, fixture.new);
        assert_eq!(fixture.new.rows("redis"), [""; 0]);
        fixture
    }

    /// A copy to work on.
    pub(super) fn place(&self) -> Place {
        let copy = self.database.as_ref();
        let copy = copy.map(|database| self.server.copy_database(database));
        let place = Place::over(self.server, copy);
        fault_sweeps::copy(&self.original, &place.install.data);
        block_in_place(place.install.set_key("stories:page:1", "canary4c1b"));
        place
    }

    /// How many calls it takes.
    pub(super) async fn count(&self) -> u64 {
        let place = self.place();
        let control = place.control();
        let server = place.install.host().under(&control).start();
        control.arm(Fault::None);
        let answer = self.action.ask(&server, &self.token).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
        control.count()
    }

    /// Restarts the host on what a fault has left, and tells how it has ended. When it is
    /// neither of the two ends, or not the one that was answered, or another one after one more
    /// start, that is an error which says so.
    pub(super) async fn settle(
        &self,
        place: &Place,
        answer: Option<&Answer>,
    ) -> Result<End, String> {
        let state = place.restart().await?;
        let end = if state == self.old {
            End::Old
        } else if renewed(state.clone()) == self.new {
            End::New
        } else {
            let (old, new) = (state.difference(&self.old), state.difference(&self.new));
            return Err(format!(
                "half: unlike the old state in {old}; unlike the new state in {new}"
            ));
        };
        let again = place.restart().await?;
        if again != state {
            let difference = again.difference(&state);
            return Err(format!(
                "{end:?}, and other after one more start: {difference}"
            ));
        }
        match answer {
            Some(answer) if !allows(answer, end) => {
                Err(format!("{end:?}, and the answer was {answer:?}"))
            }
            _ => Ok(end),
        }
    }
}

/// The signing key is another one after every reset and restore, and none other before.
fn renewed(state: State) -> State {
    state.without_content("jwt_secret")
}

/// 200 is a reset that has happened; a failure of which nobody knows yet says so; any other is
/// one that has not happened.
fn allows(answer: &Answer, end: End) -> bool {
    if answer.status == 200 {
        return end == End::New;
    }
    is_undecided(answer) || end == End::Old
}

pub(super) fn is_undecided(answer: &Answer) -> bool {
    answer.status == 500 && answer.text.contains("cannot be told now")
}

/// The same token for ever, signed by who knows the secret.
fn lasting(server: &Server, token: &str) -> String {
    let claims = jsonwebtoken::dangerous::insecure_decode_claims::<Value>(token);
    let mut claims = claims.unwrap();
    claims["exp"] = json!(4_102_444_800_u64);
    let secret = fs::read(server.path("jwt_secret")).unwrap();
    encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(&secret),
    )
    .unwrap()
}

/// Setting a key needs no more than the runtime of the caller's thread.
fn block_in_place(work: impl Future<Output = ()> + Send) {
    std::thread::scope(|scope| {
        scope.spawn(|| block_on(work)).join().unwrap();
    });
}

/// Places in Redis that nobody uses any more.
static FREE: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The install of one point; what it has taken up is given back at the end.
pub(super) struct Place {
    pub(super) install: Install,
    server: &'static Postgres,
}

impl Place {
    fn over(server: &'static Postgres, database: Option<Database>) -> Self {
        let free = FREE.lock().unwrap().pop();
        let redis = free.unwrap_or_else(|| Redis::shared().create_database());
        let install = Install::over(database, redis);
        Self { install, server }
    }

    pub(super) fn control(&self) -> Control {
        Control::create(self.install.data.parent().unwrap())
    }

    /// Starts the host without a fault, ends it, and reads what is there.
    pub(super) async fn restart(&self) -> Result<State, String> {
        let host: Host = self.install.host();
        let mut server = host
            .try_start()
            .map_err(|error| format!("does not start again: {error}"))?;
        server.kill();
        Ok(self.state().await)
    }

    /// Without what is by chance in every reset.
    async fn state(&self) -> State {
        let state = self.install.state().await;
        state.without_content("setup_token")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(database) = &self.install.database {
            self.server.drop_database(database);
        }
        let redis = self.install.redis.clone();
        block_in_place(async {
            let client = ::redis::Client::open(&*redis).unwrap();
            let mut redis = client.get_multiplexed_async_connection().await.unwrap();
            let _: () = ::redis::cmd("FLUSHDB")
                .query_async(&mut redis)
                .await
                .unwrap();
        });
        FREE.lock().unwrap().push(self.install.redis.clone());
    }
}
