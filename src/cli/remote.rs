//! A server that is asked over HTTP.

use async_trait::async_trait;
use futures::stream::BoxStream;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::answer::{Answer, Recovered};
use super::client::Client;
use super::console::Console;
use super::event::Event;
use super::exit::Exit;
use super::failure::Failure;
use super::interruption::Interruption;
use super::listening;
use super::repeat::once;
use super::service::{Reset, Restoration, Service};
use crate::selection::Selection;

pub(super) struct Remote {
    pub(super) client: Client,
    pub(super) console: Console,
}

impl Remote {
    async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.client
            .ask(self.client.request(Method::GET, path))
            .await
    }
}

#[async_trait]
impl Service for Remote {
    async fn options(&self) -> Result<Answer, Failure> {
        self.get("/options").await
    }

    async fn preview(&self, selection: &Selection) -> Result<Answer, Failure> {
        let request = self
            .client
            .request(Method::POST, "/preview")
            .json(selection);
        self.client.ask(request).await
    }

    async fn reset(&self, reset: Reset, interruption: &Interruption) -> Result<Answer, Failure> {
        let mut body = json!(reset.selection);
        body["confirm"] = true.into();
        if let Some(phrase) = reset.phrase {
            body["confirmation"] = phrase.into();
        }
        if let Some(backup) = reset.backup {
            body["backup"] = backup.into();
        }
        once(
            &self.client,
            "/run",
            &body,
            Some(&reset.digest),
            &self.console,
            interruption,
        )
        .await
    }

    async fn backup(&self, name: &str, interruption: &Interruption) -> Result<Answer, Failure> {
        let body = json!({ "name": name });
        once(
            &self.client,
            "/backup",
            &body,
            None,
            &self.console,
            interruption,
        )
        .await
    }

    async fn backups(&self) -> Result<Answer, Failure> {
        self.get("/backups").await
    }

    async fn remove_backup(&self, name: &str) -> Result<Answer, Failure> {
        // An address drops such a component, also when it is encoded: the request would be for
        // something else.
        if matches!(name, "." | "..") {
            let text = format!(
                "no address leads to the backup `{name}`: stop the service, and remove it without \
                 `--url` and `--token`"
            );
            return Err(Failure::new(Exit::Usage, text));
        }
        let path = format!("/backups/{name}");
        self.client
            .ask(self.client.request(Method::DELETE, &path))
            .await
    }

    async fn restore(
        &self,
        restoration: Restoration,
        interruption: &Interruption,
    ) -> Result<Answer, Failure> {
        let Restoration {
            name,
            phrase,
            digest,
        } = restoration;
        let mut body = json!({ "name": name, "confirm": true });
        if let Some(phrase) = phrase {
            body["confirmation"] = phrase.into();
        }
        once(
            &self.client,
            "/restore",
            &body,
            Some(&digest),
            &self.console,
            interruption,
        )
        .await
    }

    async fn history(&self) -> Result<Answer, Failure> {
        self.get("/history").await
    }

    async fn run(&self, run: Uuid) -> Result<Answer, Failure> {
        self.get(&format!("/history/{run}"))
            .await
            .map_err(|failure| {
                if failure.exit == Exit::Usage {
                    let text = format!("the history has no run `{run}`: list it with `history`");
                    Failure::new(Exit::Usage, text)
                } else {
                    failure
                }
            })
    }

    /// A server does that by itself.
    async fn recover(&self) -> Result<Answer, Failure> {
        let runs: super::shown::Runs = self.history().await?.read()?;
        if let Some(run) = runs.runs.iter().find(|run| run.is_open()) {
            let text = format!(
                "the run `{}` is not ended yet: the server tries it again by itself, and when it \
                 is started anew",
                run.id
            );
            return Err(Failure::new(Exit::Undecided, text));
        }
        let runs = runs.runs.iter();
        let pending = runs.map(|run| run.pending.len()).sum::<usize>();
        let message = match pending {
            0 => "there is nothing to recover",
            _ => "everything is decided; what is pending is tried again by the server",
        };
        Ok(Answer::of(&Recovered {
            success: true,
            message: message.to_owned(),
            runs: Vec::new(),
        }))
    }

    fn events(&self) -> BoxStream<'static, Event> {
        listening::events(self.client.clone())
    }

    fn on_interruption(&self) -> &'static str {
        "not waiting any longer"
    }
}
