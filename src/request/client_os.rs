//! A client's operating system, from its `user-agent`.

use std::fmt;

use memchr::memmem;

/// An operating system that a condition can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientOs {
    /// iPhone, iPad, iPod. An iPad that asks for desktop pages claims to be a Mac, and counts as one.
    Ios,
    /// Android.
    Android,
    /// Windows.
    Windows,
    /// macOS.
    Macos,
    /// Linux on a desktop or a server, but not Android.
    Linux,
}

impl ClientOs {
    /// The words of a `user-agent` and their systems. The first word found decides, since an agent may
    /// name several: Android also names `Linux`, iOS `like Mac OS X`, and a Windows phone all others.
    ///
    /// The last five are the words of apps that do not name their system as a browser does. Only an app
    /// on an Intel Mac names its processor after `CFNetwork`; on other Macs it looks like one on iOS.
    const WORDS: [(&'static str, Self); 13] = [
        ("Windows", Self::Windows),
        ("iPhone", Self::Ios),
        ("iPad", Self::Ios),
        ("iPod", Self::Ios),
        ("Android", Self::Android),
        ("Macintosh", Self::Macos),
        ("Mac OS X", Self::Macos),
        ("Linux", Self::Linux),
        ("iOS ", Self::Ios),
        ("macOS ", Self::Macos),
        ("CFNetwork/", Self::Ios),
        ("Dalvik/", Self::Android),
        ("okhttp/", Self::Android),
    ];

    /// The system that a `user-agent` names. None: it names none of these.
    #[must_use]
    pub fn of_user_agent(agent: &[u8]) -> Option<Self> {
        let has = |word: &str| memmem::find(agent, word.as_bytes()).is_some();
        match Self::WORDS.iter().find(|(word, _)| has(word))? {
            ("CFNetwork/", _) if has("(x86_64)") || has("(i386)") => Some(Self::Macos),
            (_, os) => Some(*os),
        }
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
