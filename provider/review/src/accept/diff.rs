//! The difference between two texts, as git shows it.

/// Lines around a change that are shown.
const CONTEXT: usize = 3;
/// Above this many pairs of lines the texts are shown as replaced as a whole: contracts are far smaller.
const PAIRS_MAX: usize = 16 << 20;

/// One line of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Removed(&'a str),
    Added(&'a str),
}

/// A unified difference; empty when nothing differs.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let lines = lines(&before.lines().collect::<Vec<_>>(), &after.lines().collect::<Vec<_>>());
    let old = if before.is_empty() { "/dev/null".to_owned() } else { format!("a/{name}") };
    let mut text = format!("--- {old}\n+++ b/{name}\n");
    for (from, to) in hunks(&lines) {
        text.push_str(&hunk(&lines, from, to));
    }
    text
}

/// The longest common lines stay, the others are removed or added.
fn lines<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<Line<'a>> {
    if before.len().saturating_mul(after.len()) > PAIRS_MAX {
        let removed = before.iter().map(|line| Line::Removed(line));
        return removed.chain(after.iter().map(|line| Line::Added(line))).collect();
    }
    let width = after.len() + 1;
    let mut common = vec![0_u32; (before.len() + 1) * width];
    let at = |common: &[u32], i: usize, j: usize| common.get(i * width + j).copied().unwrap_or_default();
    for (i, old) in before.iter().enumerate().rev() {
        for (j, new) in after.iter().enumerate().rev() {
            let length = if old == new {
                at(&common, i + 1, j + 1) + 1
            } else {
                at(&common, i + 1, j).max(at(&common, i, j + 1))
            };
            if let Some(cell) = common.get_mut(i * width + j) {
                *cell = length;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut found = Vec::new();
    loop {
        match (before.get(i), after.get(j)) {
            (Some(old), Some(new)) if old == new => {
                found.push(Line::Same(old));
                (i, j) = (i + 1, j + 1);
            }
            (Some(old), Some(_)) if at(&common, i + 1, j) >= at(&common, i, j + 1) => {
                found.push(Line::Removed(old));
                i += 1;
            }
            (_, Some(new)) => {
                found.push(Line::Added(new));
                j += 1;
            }
            (Some(old), None) => {
                found.push(Line::Removed(old));
                i += 1;
            }
            (None, None) => return found,
        }
    }
}

/// Ranges of lines that belong together: changes with what stands around them.
fn hunks(lines: &[Line<'_>]) -> Vec<(usize, usize)> {
    let mut hunks: Vec<(usize, usize)> = Vec::new();
    for (at, _) in lines.iter().enumerate().filter(|(_, line)| !matches!(line, Line::Same(_))) {
        let (from, to) = (at.saturating_sub(CONTEXT), (at + 1 + CONTEXT).min(lines.len()));
        match hunks.last_mut() {
            Some((_, end)) if from <= *end => *end = to,
            _ => hunks.push((from, to)),
        }
    }
    hunks
}

fn hunk(lines: &[Line<'_>], from: usize, to: usize) -> String {
    let old = |line: &&Line<'_>| !matches!(line, Line::Added(_));
    let new = |line: &&Line<'_>| !matches!(line, Line::Removed(_));
    let (earlier, shown) = (lines.get(..from).unwrap_or_default(), lines.get(from..to).unwrap_or_default());
    let range = |before: usize, count: usize| match count {
        0 => format!("{before},0"),
        count => format!("{},{count}", before + 1),
    };
    let mut text = format!(
        "@@ -{} +{} @@\n",
        range(earlier.iter().filter(old).count(), shown.iter().filter(old).count()),
        range(earlier.iter().filter(new).count(), shown.iter().filter(new).count())
    );
    for line in shown {
        let (sign, words) = match line {
            Line::Same(words) => (' ', words),
            Line::Removed(words) => ('-', words),
            Line::Added(words) => ('+', words),
        };
        text.push_str(&format!("{sign}{words}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn changes_are_shown_with_what_stands_around_them() {
        let before: String = (1..=20).map(|number| format!("line {number}\n")).collect();
        let after = before.replace("line 3\n", "line three\n").replace("line 15\n", "");
        expect![[r#"
            --- a/boundary.hcl
            +++ b/boundary.hcl
            @@ -1,6 +1,6 @@
             line 1
             line 2
            -line 3
            +line three
             line 4
             line 5
             line 6
            @@ -12,7 +12,6 @@
             line 12
             line 13
             line 14
            -line 15
             line 16
             line 17
             line 18
        "#]]
        .assert_eq(&unified("boundary.hcl", &before, &after));
    }

    #[test]
    fn a_new_file_comes_from_nothing() {
        assert_eq!(unified("a", "", "x\ny\n"), "--- /dev/null\n+++ b/a\n@@ -0,0 +1,2 @@\n+x\n+y\n");
        assert_eq!(unified("a", "x", "x"), "");
    }
}
