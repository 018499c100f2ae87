//! Printing that survives a reader who has gone away: `vaultquake … | head` must neither panic nor end a run.

use std::fmt::Arguments;
use std::io::Write;

/// A line on standard output.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::out::line(std::io::stdout().lock(), format_args!($($text)*)) };
}

/// A line on standard error.
macro_rules! tell {
    ($($text:tt)*) => { $crate::cli::out::line(std::io::stderr().lock(), format_args!($($text)*)) };
}

pub(super) use {say, tell};

pub(super) fn line(mut stream: impl Write, text: Arguments) {
    // Nobody is left to be told of a stream that does not take it.
    let _ = writeln!(stream, "{text}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_reader_who_went_away_is_no_panic() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        super::line(writer, format_args!("nobody hears this"));
    }
}
