//! From `init` to a reset, and back.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::bench::Bench;
use crate::sample::{Dump, POSTGRES, SQLITE, Sample, assert_same};

#[tokio::test]
async fn a_sqlite_service_goes_from_init_to_a_reset_and_back() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    // The trigger on a table that is cleared has told of its own; SQLite's rows about it too.
    let empty = |table: &str| {
        let indexes = ["reviews_index_", "help_", "shops_"];
        table != "schema" && !indexes.iter().any(|index| table.starts_with(index))
    };
    let kept = ["settings", "django_migrations"];
    round_trip(&bench, &sample, 11, &kept, empty).await;
    sample
        .run("INSERT INTO customers (email) VALUES ('a@example.org')")
        .await;
    assert_eq!(sample.number("SELECT id FROM customers").await, 1);
    let found = "SELECT count(*) FROM reviews_index WHERE reviews_index MATCH 'canaryzq'";
    assert_eq!(sample.number(found).await, 0);
    let broken = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
    assert_eq!(sample.number(broken).await, 0);
    assert!(
        !holds(&bench, "canaryzq"),
        "nothing can be read in the files"
    );
}

#[tokio::test]
async fn a_postgres_service_goes_from_init_to_a_reset_and_back() {
    let bench = Bench::new();
    let sample = Sample::postgres(&POSTGRES).await;
    let empty = |table: &str| {
        let others = ["constraints", "triggers", "rules"];
        !others.contains(&table) && !table.ends_with("_seq") && table != "public.numbers"
    };
    let kept = ["public.settings", "public.alembic_version"];
    round_trip(&bench, &sample, 10, &kept, empty).await;
    for (counter, next) in [
        ("customers_id_seq", 1),
        ("products_id_seq", 100),
        ("orders_id_seq", 1),
        ("numbers", 7),
    ] {
        let select = format!("SELECT nextval('{counter}')");
        assert_eq!(sample.number(&select).await, next, "{counter}");
    }
    for (select, expected) in [
        ("SELECT count(*) FROM known", 0),
        ("SELECT rows FROM known_again", 0),
        ("SELECT count(all_of_them) FROM sold", 0),
        (
            "SELECT count(*) FROM pg_class WHERE relname = 'unfilled' AND NOT relispopulated",
            1,
        ),
    ] {
        assert_eq!(sample.number(select).await, expected, "{select}");
    }
}

/// Ends after a reset of `tables` tables, in factory state.
async fn round_trip(
    bench: &Bench,
    sample: &Sample,
    tables: usize,
    kept: &[&str],
    empty: impl Fn(&str) -> bool,
) {
    bench.write("data/uploads/one.jpg", "canaryzq");
    bench.write("data/uploads/deep/er/two.jpg", "second");
    bench.write("data/cache/entry", "x");
    bench.write("data/licence.key", "paid");
    bench.write("data/with \"blanks\" größe", "x");
    let before = sample.dump().await;

    let url = sample.url();
    let init = bench.done(&[
        "init",
        "--database",
        &url,
        "--data-dir",
        "data",
        "--name",
        "shop",
    ]);
    assert!(
        init.stderr.contains("Nothing is cleared yet"),
        "{}",
        init.stderr
    );
    let unclaimed = bench.json(&["preview"]);
    assert_eq!(counts(&unclaimed), BTreeMap::new());
    let names: Vec<_> = unclaimed["unclaimed"].as_array().unwrap().iter().collect();
    assert_eq!(names.len(), tables + 1 + 4, "{names:?}");
    assert_same(&sample.dump().await, &before);

    bench.edit(|manifest| {
        let manifest = manifest
            .replace("    # \"", "    \"")
            .replace("# none = true", "none = true");
        let manifest: Vec<&str> = manifest
            .lines()
            .filter(|line| !line.contains("\"settings\",") && !line.contains("\"licence.key\","))
            .filter(|line| !line.contains("\"cache\","))
            .collect();
        manifest
            .join("\n")
            .replace("clear_contents = []", "clear_contents = [\"cache\"]")
            .replace(
                "[tables.preserve]",
                "[tables.preserve]\nsettings = \"set up once\"",
            )
            .replace(
                "[paths.secrets]",
                "[paths.secrets]\n\"licence.key\" = \"paid for\"",
            )
    });
    bench.done(&["check"]);
    let preview = bench.json(&["preview"]);
    assert_eq!(preview["unclaimed"], serde_json::json!([]));
    let counted = counts(&preview);
    for (table, rows) in &counted {
        assert_eq!(*rows, expected(sample, table).await, "{table}");
    }
    assert_eq!(counted.len(), tables);

    bench.done(&["backup", "before"]);
    let report = bench.json(&["run", "--confirm", "RESET SHOP"]);
    assert_eq!(counts(&report["report"]), counted);
    assert_eq!(report["report"]["cleared"]["files_deleted"], 4);
    assert_factory(&sample.dump().await, &before, kept, &empty);
    assert_eq!(bench.read("data/licence.key"), "paid");
    assert!(bench.has("data/cache") && !bench.has("data/cache/entry"));
    assert!(!bench.has("data/uploads"));

    bench.done(&["restore", "before", "--confirm", "RESET SHOP"]);
    assert_same(&sample.dump().await, &before);
    assert_eq!(bench.read("data/uploads/deep/er/two.jpg"), "second");
    bench.done(&["backups", "--delete", "before"]);
    bench.done(&["run", "--confirm", "RESET SHOP"]);
    assert_factory(&sample.dump().await, &before, kept, &empty);
    let history = bench.json(&["history"]);
    assert_eq!(history["runs"].as_array().unwrap().len(), 3, "{history}");
}

fn assert_factory(now: &Dump, before: &Dump, kept: &[&str], empty: impl Fn(&str) -> bool) {
    for (table, rows) in now {
        if kept.contains(&table.as_str()) {
            assert_eq!(rows, &before[table], "{table}");
        } else if empty(table) {
            assert_eq!(rows, &Vec::<String>::new(), "{table}");
        }
    }
    for same in ["schema", "constraints", "triggers", "rules"] {
        assert_eq!(now.get(same), before.get(same));
    }
}

/// How many rows `table` has.
async fn expected(sample: &Sample, table: &str) -> i64 {
    let rows = match sample {
        // An index over the rows of another table has none of its own.
        Sample::Sqlite(_) if table == "reviews_index" => return 0,
        Sample::Sqlite(_) => format!("\"{}\"", table.replace('"', "\"\"")),
        // Others inherit from it.
        Sample::Postgres(_) if table == "log" => "ONLY log".to_owned(),
        Sample::Postgres(_) => table.to_owned(),
    };
    sample.number(&format!("SELECT count(*) FROM {rows}")).await
}

/// How many rows of each table go.
fn counts(plan: &Value) -> BTreeMap<String, i64> {
    let steps = plan["steps"].as_array().unwrap().iter();
    let items = steps.flat_map(|step| step["items"].as_array().unwrap());
    let tables = items.filter(|item| item["kind"] == "table");
    tables
        .map(|item| {
            let name = item["name"].as_str().unwrap().to_owned();
            (name, item["count"].as_i64().unwrap())
        })
        .collect()
}

/// Whether any file of the data directory holds `text`.
fn holds(bench: &Bench, text: &str) -> bool {
    let mut directories = vec![bench.data()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                // The last to close the database takes its log away.
                let bytes = std::fs::read(&path).unwrap_or_default();
                if bytes
                    .windows(text.len())
                    .any(|window| window == text.as_bytes())
                {
                    return true;
                }
            }
        }
    }
    false
}
