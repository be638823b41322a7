//! The browser starts, tells what it should not have met, and finds what hinders people.

#![expect(clippy::unwrap_used, reason = "what a test cannot do without fails it")]

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use test_browser::{Browser, Line};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const GOOD: &str = "<!doctype html><html lang=en><link rel=icon href=/icon><title>Good</title>\
    <main><h1>Good</h1><button>Go</button></main>";

/// Serves `page` at every path.
async fn serve(page: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\
                 content-security-policy: default-src 'none'; img-src *; connect-src 'self'\r\n\
                 content-length: {}\r\n\r\n{page}",
                page.len()
            );
            tokio::spawn(async move {
                let _ = client.read(&mut [0; 4096]).await;
                let _ = client.write_all(answer.as_bytes()).await;
            });
        }
    });
    origin
}

/// What the panic of a test in a browser says.
async fn panic_of(origin: &str, test: impl AsyncFnOnce(&Browser)) -> String {
    let run = AssertUnwindSafe(Browser::run(origin, test)).catch_unwind();
    *run.await.unwrap_err().downcast::<String>().unwrap()
}

#[tokio::test]
async fn a_good_page_passes() {
    let origin = serve(GOOD.to_owned()).await;
    Browser::run(&origin, async |browser| {
        browser.open("/some/path?and=more").await;
        browser.until_at("/some/path?and=more").await;
        assert_eq!(browser.text("h1").await, "Good");
        browser.click("button").await;
        assert!(browser.has_focus("button").await);
        browser.assert_accessible("good").await;
    })
    .await;
}

#[tokio::test]
async fn a_page_that_is_hard_to_read_or_to_name_is_a_fault() {
    let origin = serve(format!("{GOOD}<img src=/picture><input>")).await;
    let panic = panic_of(&origin, async |browser| {
        browser.open("/").await;
        browser.assert_accessible("bad").await;
    });
    let panic = panic.await;
    assert!(
        panic.contains("bad, 320 px, Light") && panic.contains("image-alt"),
        "{panic}"
    );
    assert!(panic.contains("critical \"label\""), "{panic}");
}

#[tokio::test]
async fn a_page_that_is_too_wide_is_a_fault() {
    let wide = "<pre>long long long long long long long long long long long long</pre>";
    let origin = serve(GOOD.replace("<button>", &format!("{wide}<button>"))).await;
    let panic = panic_of(&origin, async |browser| {
        browser.open("/").await;
        browser.assert_accessible("wide").await;
    });
    let panic = panic.await;
    assert!(
        panic.contains("320 px") && panic.contains("sideways"),
        "{panic}"
    );
}

#[tokio::test]
async fn a_broken_rule_and_another_origin_are_faults() {
    let origin = serve(format!("{GOOD}<script>1</script>")).await;
    let panic = panic_of(&origin, async |browser| browser.open("/").await).await;
    assert!(panic.contains("Content Security Policy"), "{panic}");

    let other = serve(GOOD.to_owned()).await;
    let origin = serve(format!("{GOOD}<img alt=x src={other}/picture>")).await;
    let panic = panic_of(&origin, async |browser| browser.open("/").await).await;
    assert!(panic.contains(&format!("{other}/picture")), "{panic}");
}

#[tokio::test]
async fn a_line_is_cut_and_mended() {
    let line = Line::to(&serve(GOOD.to_owned()).await).await;
    Browser::run(line.origin(), async |browser| {
        let ask = async |path: &str| {
            let script = "return fetch(arguments[0]).then((answer) => answer.status, () => 0)";
            browser.evaluate(script, &[path.into()]).await
        };
        browser.open("/").await;
        assert_eq!(ask("/path").await, 200);
        line.lose_answer_to("GET /lost");
        assert_eq!(ask("/path").await, 200);
        assert_eq!(ask("/lost").await, 0);
        line.is_cut().await;
        assert_eq!(ask("/path").await, 0);
        line.mend();
        assert_eq!(ask("/lost").await, 200);
        browser.go_offline(true).await;
        assert_eq!(ask("/path").await, 0);
        browser.go_offline(false).await;
        assert_eq!(ask("/path").await, 200);
    })
    .await;
}
