//! A small host with nothing but the custom step: `cargo run -p custom-step --example host`.
//! It previews and resets a directory of its own, and prints both reports.

use std::error::Error;
use std::fs;

use custom_step::SearchIndexDir;
use factory_reset::{Engine, ResetRequest, Selection};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let data_dir = tempfile::tempdir()?;
    fs::create_dir(data_dir.path().join("search"))?;
    fs::write(data_dir.path().join("search/segment-1"), "words")?;

    let engine = Engine::builder()
        .data_dir(data_dir.path())
        .resource(SearchIndexDir::new("search"))
        .confirmation("RESET SEARCH")
        .build()
        .await?;

    let preview = engine.plan(&Selection::all()).await?.preview();
    println!("{}", serde_json::to_string_pretty(&preview)?);
    let request = ResetRequest::new(Selection::all()).phrase("RESET SEARCH");
    println!(
        "{}",
        serde_json::to_string_pretty(&engine.reset(request).await?)?
    );
    Ok(())
}
