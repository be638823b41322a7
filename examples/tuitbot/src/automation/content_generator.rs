use crate::Configuration;

/// Writes drafts for one account, from templates.
#[derive(Debug)]
pub struct ContentGenerator {
    product_name: String,
    product_description: String,
}

/// What a generator has written, and what it took.
#[derive(Debug)]
pub struct Draft {
    /// The text.
    pub text: String,
    /// How much was read for it.
    pub input_tokens: i64,
    /// How much was written.
    pub output_tokens: i64,
}

impl ContentGenerator {
    /// A generator that speaks for this configuration's product.
    #[must_use]
    pub fn new(configuration: &Configuration) -> Self {
        Self {
            product_name: configuration.business.product_name.clone(),
            product_description: configuration.business.product_description.clone(),
        }
    }

    /// Writes a draft about a topic, if there is one on the ground of a note.
    #[must_use]
    pub fn draft(&self, topic: &str, note: Option<&str>) -> Draft {
        let (name, description) = (&self.product_name, &self.product_description);
        let opening = match note {
            Some(note) => format!("From our notes on {topic}: {note}"),
            None => format!("What we have learned about {topic}"),
        };
        let text = format!("{opening}. {name}: {description}");
        Draft {
            input_tokens: count_words(topic) + note.map_or(0, count_words),
            output_tokens: count_words(&text),
            text,
        }
    }
}

fn count_words(text: &str) -> i64 {
    i64::try_from(text.split_whitespace().count()).unwrap_or(i64::MAX)
}
