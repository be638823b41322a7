//! The commands that change nothing: `options`, `preview`, `history`.

use super::arguments::{HistoryArguments, PreviewArguments};
use super::exit::Exit;
use super::session::{Ended, Session};
use super::shown::{Options, Run, Runs};
use super::{show_past, show_plan};

impl Session {
    pub(super) async fn options(&self) -> Ended {
        let answer = self.interruption.or(self.service.options()).await?;
        let options: Options = answer.read()?;
        self.console.answer(&answer, || {
            format!(
                "{}{}",
                self.place,
                show_plan::options(&options, self.console.width())
            )
        });
        Ok(Exit::Done)
    }

    pub(super) async fn preview(&self, asked: &PreviewArguments) -> Ended {
        let (answer, plan) = self.plan(&asked.selection.selection()).await?;
        self.console.answer(&answer, || {
            format!(
                "{}{}",
                self.place,
                show_plan::plan(&plan, self.console.width())
            )
        });
        Ok(Exit::Done)
    }

    pub(super) async fn history(&self, asked: HistoryArguments) -> Ended {
        if let Some(run) = asked.run {
            let answer = self.interruption.or(self.service.run(run)).await?;
            let run: Run = answer.read()?;
            self.console
                .answer(&answer, || show_past::run(&run, self.console.width()));
        } else {
            let answer = self.interruption.or(self.service.history()).await?;
            let runs: Runs = answer.read()?;
            self.console
                .answer(&answer, || show_past::history(&runs.runs));
        }
        Ok(Exit::Done)
    }
}
