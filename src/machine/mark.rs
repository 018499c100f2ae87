//! How what one run makes on this machine is told from what others make.

/// Six hexadecimal digits, drawn.
pub fn drawn_mark() -> String {
    format!("{:06x}", rand::random_range(0..1u32 << 24))
}
