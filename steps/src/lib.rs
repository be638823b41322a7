//! The built-in steps of [`factory_reset`]: one category of state a file, each working on
//! what the host offers as a resource.
//!
//! A host links them with `use factory_reset_steps as _;` and leaves out those that it does
//! not want with `.without("…")`:
//!
//! | step | clears | resource |
//! |---|---|---|
//! | `tables` | all tables that the host's migrations create | the engine's database |
//! | `config` | the configuration file | [`ConfigFile`] |
//! | `passphrase` | the passphrase file and its copy in memory | [`PassphraseFile`], [`PassphraseCopy`] |
//! | `media` | the media directory | [`MediaDir`] |
//! | `files` | what is in directories of generated files; the directories stay | [`GeneratedFiles`] |
//! | `runtimes` | automation loops: stops them | [`Runtimes`] |
//! | `watchtower` | the file watcher: stops it | [`Watchtower`] |
//! | `generators` | the cache of content generators | [`Generators`] |
//! | `rate-limits` | what is remembered of login attempts | [`RateLimits`] |
//! | `cache` (feature `redis`) | the keys of the host in a Redis server | `CacheKeys` |
//!
//! A host without `CacheKeys` has no step `cache`: features add up over a whole build, so that
//! of another crate must not give it one. A host that needs it says `.expect_step("cache")`.

#[cfg(feature = "redis")]
mod cache;
mod config;
mod files;
mod generators;
mod media;
mod memory;
mod passphrase;
mod path;
mod rate_limits;
mod runtimes;
mod tables;
mod tasks;
mod watchtower;

#[cfg(feature = "redis")]
pub use cache::{CacheError, CacheKeys, Endless};
pub use config::ConfigFile;
pub use files::GeneratedFiles;
pub use generators::Generators;
pub use media::MediaDir;
pub use memory::Memory;
pub use passphrase::{PassphraseCopy, PassphraseFile};
pub use rate_limits::RateLimits;
#[cfg(feature = "redis")]
pub use redis;
pub use runtimes::Runtimes;
pub use tasks::Tasks;
pub use watchtower::Watchtower;
