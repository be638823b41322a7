/// What stands for a name in braces: the word whose turn it is at row `n`.
/// Lengths without a common factor make for many combinations.
pub(super) const WORDS: &[(&str, &[&str])] = &[
    (
        "topic",
        &[
            "home automation",
            "database migrations",
            "developer onboarding",
            "observability",
            "pricing pages",
            "open-source licences",
            "indie products",
            "Rust services",
        ],
    ),
    (
        "hook",
        &[
            "Three things nobody says about",
            "We spent a month on",
            "An unpopular view of",
            "What we learned from",
            "The cheapest way to start with",
            "Stop overthinking",
            "A short story about",
        ],
    ),
    (
        "lesson",
        &[
            "measure first, argue later",
            "the boring answer wins",
            "write the runbook before the incident",
            "delete more than you add",
            "ship the small version and listen",
        ],
    ),
    (
        "archetype",
        &[
            "agree_and_expand",
            "ask_question",
            "share_experience",
            "add_data",
        ],
    ),
    (
        "author",
        &[
            "mara", "jonas", "aiko", "tobi", "lucia", "sam", "noor", "pavel", "ines", "kofi",
            "hedda",
        ],
    ),
    ("provider", &["openai", "anthropic", "ollama"]),
    ("model", &["gpt-4o-mini", "claude-haiku-4-5", "llama3.2"]),
    ("role", &["approver", "viewer"]),
    ("target_status", &["active", "active", "muted"]),
    ("node_status", &["pending", "processed", "skipped"]),
    ("seed_status", &["pending", "used", "rejected"]),
    ("content_type", &["tweet", "thread"]),
    ("scheduled_status", &["posted", "cancelled", "failed"]),
    ("review_status", &["posted", "rejected", "expired"]),
    ("media_folder", &["photos", "graphics", "clips"]),
    ("media_extension", &["jpg", "png", "mp4"]),
    ("media_type", &["image/jpeg", "image/png", "video/mp4"]),
    ("limited_action", &["reply", "tweet", "thread", "like"]),
    ("feed", &["mentions", "home_timeline", "search"]),
    ("action", &["search", "reply", "tweet", "thread", "score"]),
    (
        "action_status",
        &[
            "success", "success", "skipped", "success", "failure", "success",
        ],
    ),
    (
        "endpoint",
        &["/2/tweets/search/recent", "/2/tweets", "/2/users/me"],
    ),
    ("method", &["GET", "POST", "GET"]),
    (
        "tool",
        &["search_tweets", "draft_reply", "post_tweet", "get_stats"],
    ),
    ("tool_category", &["read", "draft", "write", "read"]),
];
