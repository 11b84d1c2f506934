//! Written files, against their parts.

#[test]
fn every_written_file_is_current() {
    for (path, text) in content::written().unwrap() {
        let there = std::fs::read_to_string(crate::support::tools::root().join(&path));
        let there = there.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(there == text, "{path} is stale: cargo run -p content");
    }
}
