//! A client's operating system, told from its `user-agent`.

use std::fmt;

use memchr::memmem;

/// An operating system that a condition can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientOs {
    /// iPhone, iPad, iPod. An iPad that asks for desktop pages says that it is a Mac, and is taken
    /// for one.
    Ios,
    /// Android.
    Android,
    /// Windows.
    Windows,
    /// macOS.
    Macos,
    /// Linux on a desktop or a server; Android is not meant.
    Linux,
}

impl ClientOs {
    /// The words of a `user-agent` that tell the system. Their order settles agents that name
    /// several: Android's say `Linux`, iOS' say `like Mac OS X`, and those of Windows phones name
    /// all the others.
    const WORDS: [(&'static str, Self); 8] = [
        ("Windows", Self::Windows),
        ("iPhone", Self::Ios),
        ("iPad", Self::Ios),
        ("iPod", Self::Ios),
        ("Android", Self::Android),
        ("Macintosh", Self::Macos),
        ("Mac OS X", Self::Macos),
        ("Linux", Self::Linux),
    ];

    /// The system that a `user-agent` names, if it names one of them.
    #[must_use]
    pub fn of_user_agent(agent: &[u8]) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(word, _)| memmem::find(agent, word.as_bytes()).is_some())
            .map(|(_, os)| *os)
    }

    /// The name that a configuration uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Android => "android",
            Self::Windows => "windows",
            Self::Macos => "macos",
            Self::Linux => "linux",
        }
    }
}

impl fmt::Display for ClientOs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
