//! What a command works with, and what several commands do.

use super::answer::Answer;
use super::ask::confirm;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::interruption::Interruption;
use super::service::Service;
use super::shown::{Options, Plan};
use super::untrusted::Untrusted;
use crate::selection::Selection;

/// A command that has what it needs.
pub(super) struct Session {
    pub(super) service: Box<dyn Service>,
    /// What it works on, in lines.
    pub(super) place: String,
    /// What has to be typed where the host has no phrase.
    pub(super) name: String,
    pub(super) console: Console,
    pub(super) interruption: Interruption,
}

pub(super) type Ended = Result<Exit, Failure>;

impl Session {
    pub(super) async fn plan(&self, selection: &Selection) -> Result<(Answer, Plan), Failure> {
        let previewed = self.interruption.or(self.service.preview(selection));
        let answer = previewed.await?;
        let plan = answer.read()?;
        Ok((answer, plan))
    }

    pub(super) fn told(&self, answer: &Answer, message: &Untrusted) {
        self.console.answer(answer, || format!("{message}\n"));
    }

    /// Asks for the phrase; it is returned where the host has one.
    pub(super) async fn confirm(&self, given: Option<&str>) -> Result<Option<String>, Failure> {
        let options: Options = self.interruption.or(self.service.options()).await?.read()?;
        self.confirm_with(&options, given).await
    }

    pub(super) async fn confirm_with(
        &self,
        options: &Options,
        given: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        let phrase = options.confirmation.as_ref();
        let phrase = phrase.map_or(self.name.as_str(), Untrusted::raw);
        confirm(phrase, given, &self.console, &self.interruption).await?;
        Ok(options
            .confirmation
            .as_ref()
            .map(|phrase| phrase.raw().to_owned()))
    }
}
