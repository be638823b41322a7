use std::io;

use serde_json::json;

use super::words::{NAMES, SENTENCES, TITLES, word};
use crate::DataFiles;
use crate::generated_file::{self, Readers};

/// How many reports and how many pages are written.
const FILES: i64 = 24;

/// Writes generated files, some of them in folders of their own.
pub(super) fn fill(files: &DataFiles) -> io::Result<()> {
    for n in 1..=FILES {
        let report = json!({ "number": n, "by": word(&NAMES, n), "note": word(&SENTENCES, n) });
        let name = match n % 3 {
            0 => format!("2026/{:02}/monthly-{n}.json", n % 12 + 1),
            1 => format!("demo-{n}.json"),
            _ => format!("2026/demo-{n}.json"),
        };
        let report = report.to_string();
        let path = files.reports().join(name);
        generated_file::write_now(&path, report.as_bytes(), Readers::Owner)?;

        let title = word(&TITLES, n);
        let name = match n % 4 {
            0 => format!("drafts/{title} {n}.html").replace(['<', '>', '"'], "_"),
            _ => format!("{n}.html"),
        };
        let page = format!("<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<p>Demo page {n}.\n");
        let page = page.repeat(n as usize);
        let path = files.stories().join(name);
        generated_file::write_now(&path, page.as_bytes(), Readers::All)?;
    }
    Ok(())
}
