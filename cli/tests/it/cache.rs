//! Keys in Redis.

use test_servers::Redis;

use crate::bench::Bench;

#[tokio::test]
async fn the_keys_with_the_prefix_go_and_no_others() {
    let url = Redis::shared().create_database();
    let client = redis::Client::open(url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let set = async |key: &str, connection: &mut redis::aio::MultiplexedConnection| {
        let set = redis::cmd("SET")
            .arg(key)
            .arg("x")
            .exec_async(connection)
            .await;
        set.unwrap();
    };
    for key in ["shop:1", "shop:2", "other:1"] {
        set(key, &mut connection).await;
    }
    let bench = Bench::new();
    bench.write(
        "factory-reset.toml",
        "name = \"shop\"\ndata_dir = \"data\"\n[redis]\nurl_env = \"SHOP_REDIS\"\nprefix = \"shop:\"\n",
    );
    let run = |arguments: &[&str]| {
        let mut command = bench.command(arguments);
        command.env("SHOP_REDIS", &url).output().unwrap()
    };
    let preview = run(&["--json", "preview"]);
    let preview: serde_json::Value = serde_json::from_slice(&preview.stdout).unwrap();
    assert_eq!(preview["cleared"]["cache_keys_deleted"], 2, "{preview}");
    assert!(run(&["run", "--confirm", "RESET SHOP"]).status.success());
    let mut left: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut connection)
        .await
        .unwrap();
    left.sort();
    assert_eq!(left, ["other:1"]);
}
