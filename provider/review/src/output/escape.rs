//! Text that somebody else chose, made harmless for each format.
//!
//! Invariant: what comes out never opens or closes anything in its format, and has no character that is invisible or
//! turns the reading direction: those are shown as `\u{202e}`.

use std::fmt::Write as _;

/// One line of visible characters.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for one in text.chars() {
        if is_visible(one) {
            shown.push(one);
        } else {
            // Writing to a text does not fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(one));
        }
    }
    shown
}

/// The first `most` characters, with an ellipsis where some were left off.
pub fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Text in HTML, SVG and XML: between tags and in quoted attributes.
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for one in visible(text).chars() {
        match one {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Words in Markdown as GitHub reads it: no emphasis, link, tag, mention, issue reference or address comes to life.
pub fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let text = visible(text);
    let mut before = ' ';
    for (at, one) in text.char_indices() {
        match one {
            // Mentions, references and addresses are found after escapes are read: only another character stops them.
            '@' | '#' => {
                escaped.push(one);
                escaped.push_str(JOINER);
            }
            ':' if text.get(at..).is_some_and(|rest| rest.starts_with("://")) => {
                escaped.push(one);
                escaped.push_str(JOINER);
            }
            '.' if before.eq_ignore_ascii_case(&'w') => {
                escaped.push_str(JOINER);
                escaped.push(one);
            }
            // A backslash does not stop GitHub's formulas.
            '$' => escaped.push_str("&#36;"),
            '&' | '<' | '>' | '*' | '_' | '`' | '[' | ']' | '\\' | '|' | '~' | '^' => {
                escaped.push('\\');
                escaped.push(one);
            }
            other => escaped.push(other),
        }
        before = one;
    }
    escaped
}

/// Markdown that begins a line, where lists, headings, rules and blocks of code would begin.
pub fn markdown_line(markdown: &str) -> String {
    let line = markdown.trim_start();
    let number = line.trim_start_matches(|one: char| one.is_ascii_digit());
    if line.starts_with(['-', '+', '=', ':', '#']) {
        format!("\\{line}")
    } else if number.len() < line.len() && number.starts_with(['.', ')']) {
        let digits = line.strip_suffix(number).unwrap_or_default();
        format!("{digits}\\{number}")
    } else {
        line.to_owned()
    }
}

/// A name in Markdown, as it is: a code span whose fence is longer than any run of backticks within.
pub fn markdown_name(name: &str) -> String {
    let name = visible(name);
    if name.trim().is_empty() {
        return "(empty)".into();
    }
    let longest = name.split(|one| one != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if name.starts_with('`') || name.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{name}{pad}{fence}")
}

/// A label of Mermaid, to stand between double quotes.
pub fn mermaid(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for one in visible(text).chars() {
        if one.is_alphanumeric() || matches!(one, ' ' | '.' | ',' | ':' | '/' | '-' | '_' | '…') {
            escaped.push(one);
        } else {
            let _ = write!(escaped, "#{};", u32::from(one));
        }
    }
    // Mermaid reads labels that begin like a Markdown list or an address in its own way.
    if escaped.starts_with(['-', '/', '.']) || escaped.contains("://") { format!(" {escaped}") } else { escaped }
}

/// A path as a relative URI reference.
pub fn uri(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.trim_start_matches('/').bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// The word joiner: it is not seen, and ends whatever would be recognised.
const JOINER: &str = "&#8288;";

/// Not a control, not a mark that reorders or hides text, not a separator of lines.
fn is_visible(one: char) -> bool {
    let hidden = matches!(
        u32::from(one),
        0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfe00..=0xfe0f | 0xfeff
            | 0xfff0..=0xfffb | 0xfffe | 0xffff | 0xe0000..=0xe0fff
    );
    !one.is_control() && !hidden
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn invisible_characters_are_shown() {
        assert_eq!(visible("a\u{202e}b\n\u{1b}[31m\u{200b}"), "a\\u{202e}b\\u{a}\\u{1b}[31m\\u{200b}");
    }

    #[test]
    fn a_name_in_backticks_gets_a_longer_fence() {
        assert_eq!(markdown_name("a``b"), "```a``b```");
        assert_eq!(markdown_name("`"), "`` ` ``");
        assert_eq!(markdown_name(""), "(empty)");
        assert_eq!(markdown_name("@all <b> |"), "`@all <b> |`");
    }

    #[test]
    fn words_do_not_come_to_life_in_markdown() {
        let words = "@all #1 https://x.y www.x.y **b** <i> [a](b) | `c`";
        expect![[r#"@&#8288;all #&#8288;1 https:&#8288;//x.y www&#8288;.x.y \*\*b\*\* \<i\> \[a\](b) \| \`c\`"#]]
            .assert_eq(&markdown(words));
        assert_eq!(markdown_line("1. a"), "1\\. a");
        assert_eq!(markdown_line("    - a"), "\\- a");
        assert_eq!(markdown_line("1 - a"), "1 - a");
    }

    #[test]
    fn labels_and_addresses_have_no_syntax() {
        assert_eq!(mermaid("a\"]; b --> c"), "a#34;#93;#59; b --#62; c");
        assert_eq!(uri("/a b/ü#?.tf"), "a%20b/%C3%BC%23%3F.tf");
        assert_eq!(html("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
        assert_eq!(shorten("abcd", 3), "ab…");
    }
}
