use super::*;
use std::collections::BTreeSet;

#[test]
fn no_two_routes_are_the_same_and_each_is_described() {
    let mut seen = BTreeSet::new();
    for route in all() {
        let Route { method, path, about, .. } = route;
        assert!(seen.insert((method, path)), "{method} {path} is there twice");
        assert!(!about.is_empty() && !about.ends_with('.'), "{method} {path}: {about:?}");
        assert!(!path.starts_with('/') && !path.ends_with('/'), "{path}");
        assert!(!path.starts_with("caller/"), "{path}: reads are behind that door by themselves");
        assert!(!route.statuses.is_empty(), "{method} {path}");
    }
}

#[test]
fn fixed_segments_come_before_those_that_vary() {
    let all: Vec<_> = all().collect();
    for (index, route) in all.iter().enumerate() {
        let segments: Vec<_> = route.path.split('/').map(str::to_owned).collect();
        let first = all.iter().position(|other| other.fits(&segments).is_some());
        let first = all[first.unwrap()];
        assert!(first.path == route.path, "{} hides {} (number {index})", first.path, route.path);
    }
}
