//! `GET /options` of a small host that is idle, against a bare axum handler that serialises the
//! same JSON: in process, and over a socket.

use std::future::IntoFuture;
use std::hint::black_box;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use criterion::{Criterion, criterion_group, criterion_main};
use factory_reset::http::{Actor, Authoriser, Denial, router};
use factory_reset::{Engine, Options, Selection, Sqlite, async_trait};
use factory_reset_steps::{ConfigFile, MediaDir};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use tower::ServiceExt;

type Failure = Box<dyn std::error::Error>;

/// Some rows in four of the thirty tables.
const ROWS: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
    INSERT INTO threads (id, topic) SELECT i, 'topic ' || i FROM n;
    INSERT INTO thread_tweets (thread_id, position, content) SELECT id, 1, topic FROM threads;
    INSERT INTO original_tweets (content) SELECT topic FROM threads;
    INSERT INTO sessions SELECT 'session ' || id, created_at, created_at FROM threads;
";

/// How many media files there are.
const FILES: usize = 20;

/// How often each side is timed for the summary; the median counts.
const ROUNDS: usize = 201;

static ALL: LazyLock<Selection> = LazyLock::new(Selection::all);

struct Anybody;

#[async_trait]
impl Authoriser for Anybody {
    async fn authorise(&self, _: &Parts) -> Result<Actor, Denial> {
        Ok(Actor("anybody".to_owned()))
    }
}

/// A host of the thirty tables in `migrations/`, with media and a configuration.
struct Host {
    engine: Engine,
    _pool: SqlitePool,
    _directory: TempDir,
}

impl Host {
    async fn new() -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let data = directory.path();
        std::fs::create_dir(data.join("media"))?;
        for file in 0..FILES {
            std::fs::write(data.join(format!("media/{file}.jpg")), "a picture")?;
        }
        std::fs::write(data.join("config.toml"), "port = 80")?;
        let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let migrator = Migrator::new(std::path::Path::new(migrations)).await?;
        let options = SqliteConnectOptions::new()
            .filename(data.join("host.db"))
            .journal_mode(SqliteJournalMode::Wal)
            .create_if_missing(true);
        let pool = SqlitePool::connect_with(options).await?;
        migrator.run(&pool).await?;
        sqlx::raw_sql(ROWS).execute(&pool).await?;
        let unused = [
            "files",
            "generators",
            "passphrase",
            "rate-limits",
            "runtimes",
            "watchtower",
        ];
        let builder = unused
            .iter()
            .fold(Engine::builder(), |builder, step| builder.without(*step));
        let engine = builder
            .data_dir(data)
            .database(Sqlite::open(&pool, &migrator).await?)
            .resource(MediaDir::new("media"))
            .resource(ConfigFile::new("config.toml"))
            .build()
            .await?;
        Ok(Self {
            engine,
            _pool: pool,
            _directory: directory,
        })
    }
}

/// Serialises what was planned once.
async fn bare(State(options): State<Arc<Options>>) -> Response {
    Json(&*options).into_response()
}

/// Both hosts, in process and behind a socket each.
struct Sides {
    ours: Router,
    bare: Router,
    ours_by_socket: Client,
    bare_by_socket: Client,
    host: Host,
}

impl Sides {
    async fn new() -> Result<Self, Failure> {
        let host = Host::new().await?;
        let ours = router(&host.engine, Anybody);
        let options = Arc::new(host.engine.options().await?);
        let bare = Router::new()
            .route("/options", get(bare))
            .with_state(options);
        Ok(Self {
            ours_by_socket: Client::of(ours.clone()).await?,
            bare_by_socket: Client::of(bare.clone()).await?,
            ours,
            bare,
            host,
        })
    }
}

fn request() -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static("/options");
    request
}

async fn in_process(router: &Router) -> Bytes {
    let response = must(router.clone().oneshot(request()).await);
    assert_eq!(response.status(), StatusCode::OK);
    must(to_bytes(response.into_body(), usize::MAX).await)
}

/// One connection that is kept alive.
struct Client(Mutex<SendRequest<Body>>);

impl Client {
    async fn of(router: Router) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let stream = TcpStream::connect(listener.local_addr()?).await?;
        stream.set_nodelay(true)?;
        tokio::spawn(axum::serve(listener.tap_io(no_delay), router).into_future());
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(Mutex::new(sender)))
    }

    async fn get(&self) -> Bytes {
        let mut sender = self.0.lock().await;
        must(sender.ready().await);
        let response = must(sender.send_request(request()).await);
        assert_eq!(response.status(), StatusCode::OK);
        must(to_bytes(Body::new(response.into_body()), usize::MAX).await)
    }
}

fn no_delay(stream: &mut TcpStream) {
    must(stream.set_nodelay(true));
}

/// The bench cannot go on without what it measures.
fn must<T>(result: Result<T, impl std::fmt::Display>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn options(criterion: &mut Criterion) {
    let runtime = must(Runtime::new());
    let sides = must(runtime.block_on(Sides::new()));
    let mut group = criterion.benchmark_group("GET /options");
    group
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    for (name, router, client) in [
        ("bare axum", &sides.bare, &sides.bare_by_socket),
        ("ours", &sides.ours, &sides.ours_by_socket),
    ] {
        group.bench_function(format!("{name}, in process"), |bencher| {
            bencher.to_async(&runtime).iter(|| in_process(router));
        });
        group.bench_function(format!("{name}, over a socket"), |bencher| {
            bencher.to_async(&runtime).iter(|| client.get());
        });
    }
    group.bench_function("the plan alone", |bencher| {
        let plan = || sides.host.engine.plan(&ALL);
        bencher.to_async(&runtime).iter(plan);
    });
    group.finish();
}

async fn timed<T>(times: &mut Vec<Duration>, work: impl Future<Output = T>) {
    let start = Instant::now();
    black_box(work.await);
    times.push(start.elapsed());
}

/// Microseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// Prints the ratios, of times taken alternately.
fn ratios(_: &mut Criterion) {
    let runtime = must(Runtime::new());
    runtime.block_on(async {
        let sides = must(Sides::new().await);
        let mut times: [Vec<Duration>; 5] = Default::default();
        let [ours, bare, ours_by_socket, bare_by_socket, plans] = &mut times;
        for _ in 0..ROUNDS {
            timed(bare, in_process(&sides.bare)).await;
            timed(ours, in_process(&sides.ours)).await;
            timed(bare_by_socket, sides.bare_by_socket.get()).await;
            timed(ours_by_socket, sides.ours_by_socket.get()).await;
            timed(plans, sides.host.engine.plan(&ALL)).await;
        }
        let bytes = in_process(&sides.ours).await.len();
        let [ours, bare, ours_by_socket, bare_by_socket, plan] = times.map(median);
        println!("GET /options, {bytes} bytes of JSON; the plan alone {plan:.0} µs");
        for (how, ours, bare) in [
            ("in process", ours, bare),
            ("over a socket", ours_by_socket, bare_by_socket),
        ] {
            let ratio = ours / bare;
            println!("{how}: ours {ours:.0} µs, bare axum {bare:.0} µs, ratio {ratio:.1}");
        }
    });
}

criterion_group!(benches, options, ratios);
criterion_main!(benches);
