//! Builds the host anew when a migration is added or changed: the migrations are
//! embedded when `sqlx::migrate!` is compiled, and Cargo does not know of them.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
