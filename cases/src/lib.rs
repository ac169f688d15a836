//! Case files: requests, and the decisions that a configuration must make for them.
//!
//! Users keep them next to their configuration. A [`Case`] lists its [requests](Case::requests) and
//! [judges](Case::judge) the observed decisions and effects. It sends nothing, so the same file runs on
//! the core natively, in wasm32, and through a real proxy.
//!
//! ```
//! let file = halftone_cases::CaseFile::parse("
//! config:
//!   releases:
//!   - name: reviews
//!     hosts: [reviews]
//!     principal: v1
//!     canary:
//!       rules:
//!       - { name: testers, match: [ { headers: { end-user: { exact: jason } } } ], version: v2 }
//! cases:
//! - name: jason sees v2
//!   request: { host: 'reviews:9080', headers: { end-user: jason } }
//!   expect: { version: v2, reason: 'rule:testers', set: { x-halftone-version: v2 }, cookie: false }
//! ").unwrap();
//! let releases = halftone::config::load_value(file.config().inline().unwrap()).unwrap();
//!
//! for case in &file.cases {
//!     let observed = case.requests().map(|request| halftone_cases::decide(&releases, &request, case.draw(7)));
//!     assert_eq!(case.judge(observed), Ok(()));
//! }
//! ```

mod decide;
mod file;
mod judge;
mod request;

pub use decide::decide;
pub use file::{Case, CaseFile, Config, Cookie, Expectation, Unreadable};
pub use judge::{Mismatch, Mismatches, Observed};
pub use request::Request;
