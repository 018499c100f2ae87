//! The one place where a panic of a checker or objective is caught: it costs its own row, nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The result, or in words that judging itself failed.
pub fn guarded<T>(judge: impl FnOnce() -> T) -> Result<T, String> {
    // What is judged is only read, so nothing half-changed can be left behind.
    catch_unwind(AssertUnwindSafe(judge)).map_err(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| text.to_string())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".into());
        format!("judging it failed, which is a defect of the harness: {text}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_words() {
        assert_eq!(guarded(|| 7), Ok(7));
        let why = guarded(|| "seven".parse::<u8>().expect("a number")).unwrap_err();
        assert!(why.contains("defect of the harness") && why.contains("a number"), "{why}");
        let why = guarded(|| assert_eq!(1 + 1, 3, "sum {}", 4)).unwrap_err();
        assert!(why.contains("sum 4"), "{why}");
    }
}
