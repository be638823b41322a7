//! The servers start, stop and leave nothing behind.

use std::net::{Ipv4Addr, TcpStream};

use test_servers::{Postgres, Redis};

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[test]
fn postgres_keeps_what_was_committed_over_a_crash_and_goes_with_its_value() {
    let server = Postgres::start();
    let database = server.create_database();
    assert_ne!(database.name, server.create_database().name);
    server.execute(&database.name, "CREATE TABLE kept (id int)");
    server.stop_immediate();
    assert!(!listens(server.port()));
    server.start_again();
    let rows = server.execute(&database.name, "SELECT count(*) FROM kept");
    assert_eq!(rows.trim(), "0");
    let port = server.port();
    drop(server);
    assert!(!listens(port));
}

#[test]
fn redis_comes_back_on_its_port_and_goes_with_its_value() {
    let server = Redis::start();
    server.stop();
    assert!(!listens(server.port()));
    server.start_again();
    assert!(listens(server.port()));
    let port = server.port();
    drop(server);
    assert!(!listens(port));
}
