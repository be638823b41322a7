use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What the user tells the bot about itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// How to reach X.
    pub x_api: XApi,
    /// What to write about.
    pub business: Business,
    /// Where the user keeps notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_sources: Option<ContentSources>,
}

/// How to reach X.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct XApi {
    /// The id that X has given this client.
    pub client_id: String,
}

/// What the bot writes about.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Business {
    /// The product's name.
    pub product_name: String,
    /// The product in a sentence.
    pub product_description: String,
    /// What to search for.
    pub product_keywords: Vec<String>,
    /// What to write about.
    pub industry_topics: Vec<String>,
}

/// Where the user keeps notes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ContentSources {
    /// The folders that the watchtower watches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<ContentSource>>,
}

/// One folder of notes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ContentSource {
    /// The folder, absolute and outside the data directory.
    pub path: PathBuf,
}

/// A value that the bot cannot work with.
#[derive(Debug, thiserror::Error)]
#[error("`{field}` {problem}")]
pub(crate) struct InvalidValue {
    field: String,
    problem: &'static str,
}

impl Configuration {
    /// The folders to watch.
    #[must_use]
    pub fn source_folders(&self) -> Vec<PathBuf> {
        let sources = self.content_sources.iter();
        sources
            .flat_map(|all| all.sources.iter().flatten())
            .map(|source| source.path.clone())
            .collect()
    }

    /// Checks what the types do not say.
    pub(crate) async fn validate(&self, data_directory: &Path) -> Result<(), InvalidValue> {
        let business = &self.business;
        for (field, text) in [
            ("x_api.client_id", &self.x_api.client_id),
            ("business.product_name", &business.product_name),
            (
                "business.product_description",
                &business.product_description,
            ),
        ] {
            check_text(field.to_owned(), text)?;
        }
        for (field, list) in [
            ("business.product_keywords", &business.product_keywords),
            ("business.industry_topics", &business.industry_topics),
        ] {
            check_list(field, list)?;
        }
        for (index, folder) in self.source_folders().iter().enumerate() {
            let field = format!("content_sources.sources[{index}].path");
            check_source(field, folder, data_directory).await?;
        }
        Ok(())
    }
}

fn check_list(field: &str, list: &[String]) -> Result<(), InvalidValue> {
    if list.is_empty() {
        return invalid(field.to_owned(), "must name at least one");
    }
    list.iter()
        .enumerate()
        .try_for_each(|(index, text)| check_text(format!("{field}[{index}]"), text))
}

fn check_text(field: String, text: &str) -> Result<(), InvalidValue> {
    if text.trim().is_empty() {
        return invalid(field, "must not be empty");
    }
    Ok(())
}

/// A source must exist, and share no file with the data directory: the bot would
/// read its own files, and a reset would clear what is the user's.
async fn check_source(
    field: String,
    folder: &Path,
    data_directory: &Path,
) -> Result<(), InvalidValue> {
    if !folder.is_absolute() {
        return invalid(field, "must be an absolute path");
    }
    let (folder, data_directory) = match (
        tokio::fs::canonicalize(folder).await,
        tokio::fs::canonicalize(data_directory).await,
    ) {
        (Ok(folder), Ok(data_directory)) if folder.is_dir() => (folder, data_directory),
        _ => return invalid(field, "must be a folder that exists"),
    };
    if folder.starts_with(&data_directory) || data_directory.starts_with(&folder) {
        return invalid(field, "must be outside the data directory");
    }
    Ok(())
}

fn invalid(field: String, problem: &'static str) -> Result<(), InvalidValue> {
    Err(InvalidValue { field, problem })
}
