//! Colours, which a terminal alone shows.

use anstyle::{AnsiColor, Style};

/// All is well; what was chosen.
pub const GOOD: Style = AnsiColor::Green.on_default();

/// Something is wrong.
pub const BAD: Style = AnsiColor::Red.on_default();

/// What stands beside the matter.
pub const FAINT: Style = Style::new().dimmed();

/// The matter itself.
pub const STRONG: Style = Style::new().bold();
