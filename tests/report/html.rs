//! The page as a whole: complete, self-contained, well-formed, and safe whatever a server said.

use crate::fixtures;
use std::path::Path;
use vaultquake::report;

#[test]
fn every_page_names_everything_and_fetches_nothing() {
    for (name, result, picture) in fixtures::all() {
        let page = report::html(&result, &picture);
        // Kept for the eye: a person can open what the test has judged.
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{name}.html"));
        std::fs::write(&path, &page).unwrap();
        assert!(page.len() < 1_000_000, "{name} takes {} bytes", page.len());
        for id in
            result.objectives.iter().map(|row| &row.id).chain(result.invariants.iter().map(|row| &row.id))
        {
            assert!(page.contains(&format!("<code>{id}</code>")), "{name} lacks {id}");
        }
        let lower = page.to_lowercase();
        for banned in [
            "<script",
            "http://",
            "https://",
            " src=",
            "@import",
            " onload",
            " onclick",
            "javascript:",
            "<link",
            "<iframe",
        ] {
            assert!(!lower.contains(banned), "{name} contains {banned}");
        }
    }
}
