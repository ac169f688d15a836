//! The case files of `tests/cases/`, built in: a test in wasm32 has no files.

/// Each file's name and text.
pub const CASE_FILES: [(&str, &str); 9] = [
    ("any-host", include_str!("../cases/any-host.yaml")),
    ("authority", include_str!("../cases/authority.yaml")),
    ("blue-green", include_str!("../cases/blue-green.yaml")),
    ("canary", include_str!("../cases/canary.yaml")),
    ("conditions", include_str!("../cases/conditions.yaml")),
    ("hosts", include_str!("../cases/hosts.yaml")),
    (
        "session-cookie",
        include_str!("../cases/session-cookie.yaml"),
    ),
    ("sessions", include_str!("../cases/sessions.yaml")),
    ("string-match", include_str!("../cases/string-match.yaml")),
];

/// Runs every case of a file on the core, and says which do not hold.
pub fn failures(text: &str) -> Vec<String> {
    let file = match halftone_cases::CaseFile::parse(text) {
        Ok(file) => file,
        Err(error) => return vec![error.to_string()],
    };
    let Some(config) = file.config().inline() else {
        return vec!["the configuration stands elsewhere".into()];
    };
    let releases = match halftone::config::load_value(config) {
        Ok(releases) => releases,
        Err(violations) => return vec![violations.to_string()],
    };
    let mut chance = halftone::release::Draws::new(2026);
    let mut failures = Vec::new();
    for case in &file.cases {
        let observed = case
            .requests()
            .map(|request| halftone_cases::decide(&releases, &request, chance.next_u64()));
        if let Err(mismatch) = case.judge(observed) {
            failures.push(format!("{}: {mismatch}", case.name));
        }
    }
    failures
}
