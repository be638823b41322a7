//! Long work tells how far it has come.

use reqwest::Method;
use test_browser::Browser;

use super::person::{confirm, grouped, options, sign_in, sum};
use crate::server::Server;

#[tokio::test]
async fn a_backup_of_many_rows_is_followed_row_by_row() {
    let server = Server::start(&["--demo", "--demo-rows", "150000"]);
    let stopped = server.bearer(Method::POST, "/api/runtime/stop").await;
    assert_eq!(stopped.status, 200);
    Browser::run(&server.address, async |browser| {
        sign_in(browser).await;
        let rows = grouped(sum(&options(&server).await, "table"));
        confirm(browser).await;
        let backup = "[data-progress='@backup']";
        browser.until_says(backup, "rows/s").await;
        browser.picture("progress", "body").await;
        browser.until_says("#report", &format!("{rows} rows")).await;
    })
    .await;
}
