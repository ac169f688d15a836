//! Tables for a terminal.

/// Columns as wide as their widest cells. The first column is aligned left, all others right.
#[must_use]
pub fn aligned<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows);
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    lines.insert(1, widths.map(|width| "-".repeat(width)));
    let mut text = String::new();
    for line in lines {
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            let padded = match column {
                0 => format!("{cell:width$}"),
                _ => format!("  {cell:>width$}"),
            };
            text.push_str(&padded);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_aligned_right() {
        let rows = [["one", "µ"], ["a", "10.5"]].map(|row| row.map(str::to_owned));
        assert_eq!(
            aligned(["row", "n"], rows.into_iter()),
            "row     n\n---  ----\none     µ\na    10.5\n"
        );
    }
}
