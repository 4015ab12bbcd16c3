//! Rows as an array of records, in the words of Postgres: `{"(\"a\",1,)"}`.
//!
//! It makes rows of this in half the time that it takes for JSON, of which every column of every row is
//! dug out on its own.

/// The same rows from a JSON array of arrays, written without spaces, of texts without NUL, numbers and
/// `null`.
///
/// Each quote stands in a text of a record that stands in a text of the array, and so is escaped twice.
pub(super) fn records(json: &str) -> String {
    let mut records = String::with_capacity(json.len() * 5 / 4);
    let (mut rest, mut depth) = (json, 0);
    while let Some(at) = rest.find(['[', ']', '"', 'n']) {
        let (before, found) = rest.split_at(at);
        records.push_str(before);
        rest = &found[1..];
        match found.as_bytes()[0] {
            b'[' => {
                records.push_str(if depth == 0 { "{" } else { "\"(" });
                depth += 1;
            }
            b']' => {
                depth -= 1;
                records.push_str(if depth == 0 { "}" } else { ")\"" });
            }
            b'"' => rest = text(rest, &mut records),
            // Nothing between two commas is NULL.
            _ => rest = rest.strip_prefix("ull").expect("nothing but `null` begins with an n"),
        }
    }
    records.push_str(rest);
    records
}

/// Writes a text of which the opening quote was read; gives back what is behind its closing one.
fn text<'j>(mut rest: &'j str, records: &mut String) -> &'j str {
    records.push_str("\\\"");
    while let Some(at) = rest.find(['"', '\\']) {
        let (before, found) = rest.split_at(at);
        records.push_str(before);
        let mut characters = found.chars();
        if characters.next() == Some('"') {
            rest = characters.as_str();
            break;
        }
        match characters.next() {
            Some('"') => records.push_str("\\\\\\\""),
            Some('\\') => records.push_str("\\\\\\\\"),
            Some('b') => records.push('\u{8}'),
            Some('f') => records.push('\u{c}'),
            Some('n') => records.push('\n'),
            Some('r') => records.push('\r'),
            Some('t') => records.push('\t'),
            Some('u') => {
                let (digits, behind) = characters.as_str().split_at(4);
                let character = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                records.push(character.expect("what is written by its number is a character of its own"));
                characters = behind.chars();
            }
            other => records.extend(other),
        }
        rest = characters.as_str();
    }
    records.push_str("\\\"");
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::transaction::without_nul;

    #[test]
    fn rows_become_records() {
        assert_eq!(records("[]"), "{}");
        let rows = serde_json::json!([
            ["nul[l]", 1, null, -1],
            ["", "가, (나)", 18_446_744_073_709_551_615_u64, null]
        ]);
        assert_eq!(
            records(&rows.to_string()),
            r#"{"(\"nul[l]\",1,,-1)","(\"\",\"가, (나)\",18446744073709551615,)"}"#
        );
    }

    #[test]
    fn what_is_particular_in_a_text_is_escaped_twice() {
        let rows = serde_json::json!([["\"\\", "\n\t\u{8}\u{c}\r\u{1}/", "a\0b", "\\u0000"]]);
        let quoted = "\\\"\\\\\\\"\\\\\\\\\\\"";
        let expected = format!(
            "{{\"({quoted},\\\"\n\t\u{8}\u{c}\r\u{1}/\\\",\\\"a\u{fffd}b\\\",\\\"\\\\\\\\u0000\\\")\"}}"
        );
        assert_eq!(records(&without_nul(&rows.to_string())), expected);
    }
}
