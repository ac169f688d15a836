//! A place of a mirror's answers that is not compared any more.

use halftone::config::load_value;
use serde_json::Value;

use super::edit::{Edit, Step, object};
use super::error::ActionError;
use super::{find, write};
use crate::yaml;

/// The text with `pointer` at the end of `compare.ignore` of a mirror. It is the old text if the pointer is there.
///
/// # Errors
///
/// The text cannot be read, it has no such release or mirror, the mirror does not compare, or the result has violations.
pub fn ignore(
    text: &str,
    release: &str,
    mirror: &str,
    pointer: &str,
) -> Result<String, ActionError> {
    let documents: Vec<Value> = yaml::documents(text).map_err(crate::Unreadable::from)?;
    let found = find::configuration(&documents, Some(release))?;
    load_value(found.value).map_err(ActionError::InvalidBefore)?;
    let unfit = |wrong: &str| ActionError::Unfit(format!("{release}: {wrong}"));
    let (at, release) =
        named(found.value, "releases", release).ok_or_else(|| unfit("there is no such release"))?;
    let (place, mirror) = named(release, "mirrors", mirror)
        .ok_or_else(|| unfit(&format!("has no mirror {mirror}")))?;
    let compare = mirror.get("compare").filter(|compare| compare.is_object());
    let compare = compare.ok_or_else(|| unfit("the mirror compares nothing; give it compare"))?;
    let path: Vec<Step> = ["releases".into(), at.into(), "mirrors".into(), place.into()].into();
    let item = Value::from(pointer);
    let edit = match compare.get("ignore").and_then(Value::as_array) {
        Some(items) if items.contains(&item) => return Ok(text.into()),
        Some(items) if !items.is_empty() => Edit::Push {
            path: [path, vec!["compare".into(), "ignore".into()]].concat(),
            value: item,
        },
        _ if compare.as_object().is_some_and(serde_json::Map::is_empty) => Edit::Set {
            path: [path, vec!["compare".into()]].concat(),
            value: object("ignore", vec![item].into()),
        },
        _ => Edit::Set {
            path: [path, vec!["compare".into(), "ignore".into()]].concat(),
            value: vec![item].into(),
        },
    };
    let mut after = found.value.clone();
    edit.apply(&mut after);
    load_value(&after).map_err(ActionError::InvalidAfter)?;
    write::edited(
        text,
        &documents,
        &[(found.document, edit.within(&found.path))],
    )
}

/// The item of this name in an array, and its index.
fn named<'v>(value: &'v Value, array: &str, name: &str) -> Option<(usize, &'v Value)> {
    let items = value.get(array)?.as_array()?;
    let mut items = items.iter().enumerate();
    items.find(|(_, item)| item.get("name").is_some_and(|found| found == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(compare: &str) -> String {
        format!(
            "releases:\n- name: web\n  hosts: [web]\n  principal: v1\n  mirrors:\n  # The next one.\n  - name: v3\n    cluster: web-v3\n    compare: {compare}\n"
        )
    }

    #[test]
    fn a_place_is_added_once_and_comments_stay() {
        for (before, after) in [
            ("{}", "{ ignore: [ \"/a/*/b\" ] }"),
            (
                "{ percentage: 5 }",
                "{ percentage: 5, ignore: [ \"/a/*/b\" ] }",
            ),
            ("{ ignore: [/a] }", "{ ignore: [/a, \"/a/*/b\"] }"),
            ("{ ignore: [/a/*/b] }", "{ ignore: [/a/*/b] }"),
        ] {
            let ignored = ignore(&text(before), "web", "v3", "/a/*/b").unwrap();
            assert_eq!(ignored, text(after), "{before}");
        }
    }

    #[test]
    fn what_cannot_be_ignored_is_refused() {
        for (mirror, pointer, expected) in [
            ("v4", "/a", "web: has no mirror v4"),
            ("v3", "a", "releases[0].mirrors[0].compare.ignore[0]: "),
        ] {
            let wrong = ignore(&text("{}"), "web", mirror, pointer).unwrap_err();
            assert!(wrong.to_string().starts_with(expected), "{wrong}");
        }
    }
}
