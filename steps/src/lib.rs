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
//! | `runtimes` | automation loops: stops them | [`Runtimes`] |
//! | `watchtower` | the file watcher: stops it | [`Watchtower`] |
//! | `generators` | the cache of content generators | [`Generators`] |
//! | `rate-limits` | what is remembered of login attempts | [`RateLimits`] |

mod config;
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

pub use config::ConfigFile;
pub use generators::Generators;
pub use media::MediaDir;
pub use memory::Memory;
pub use passphrase::{PassphraseCopy, PassphraseFile};
pub use rate_limits::RateLimits;
pub use runtimes::Runtimes;
pub use tasks::Tasks;
pub use watchtower::Watchtower;
