//! A Rust file as a row of tokens with their lines: comments and texts are gone, so that a rule finds code only.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
    /// Within an item under `#[cfg(test)]`.
    pub(crate) in_test: bool,
}

#[derive(Debug)]
pub(crate) struct RustSource {
    /// From the root of the checkout.
    pub(crate) path: String,
    pub(crate) tokens: Vec<Token>,
}

impl RustSource {
    pub(crate) fn parse(path: &str, content: &str) -> Self {
        let stream: TokenStream = content
            .parse()
            .unwrap_or_else(|error| panic!("{path} is not Rust: {error} (line {})", content.lines().count()));
        let mut tokens = vec![];
        flatten(stream, &mut tokens);
        mark_tests(&mut tokens);
        Self { path: path.to_owned(), tokens }
    }

    /// Where a row of tokens stands, as indices of its first token.
    pub(crate) fn find(&self, row: &[&str]) -> Vec<usize> {
        let windows = self.tokens.windows(row.len()).enumerate();
        windows
            .filter(|(_, window)| window.iter().map(|token| token.text.as_str()).eq(row.iter().copied()))
            .map(|(at, _)| at)
            .collect()
    }

    /// Where the modules lie that are declared in this file under `#[cfg(test)]`, without their ending.
    fn test_modules(&self) -> impl Iterator<Item = String> {
        let declared = self.find(&["mod"]).into_iter().filter_map(|at| self.tokens.get(at..at + 3));
        let declared = declared.filter(|row| row[0].in_test && row[2].text == ";").map(|row| &row[1].text);
        let beside = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let paths = self.find(&["#", "[", "path", "="]).into_iter().filter_map(|at| self.tokens.get(at + 4));
        let paths = paths.filter(|path| path.in_test).map(|path| path.text.trim_matches('"').trim_end_matches(".rs"));
        let folder = self.modules_folder();
        declared.map(move |name| format!("{folder}/{name}")).chain(paths.map(move |path| format!("{beside}/{path}")))
    }

    /// The folder in which this file's modules lie.
    fn modules_folder(&self) -> &str {
        let own = ["/mod.rs", "/lib.rs", "/main.rs"].iter().find_map(|name| self.path.strip_suffix(name));
        own.or_else(|| self.path.strip_suffix(".rs")).unwrap_or(&self.path)
    }
}

/// Reads files, and marks as tests those that only exist in tests: integration tests, and modules declared under `#[cfg(test)]`.
pub(crate) fn read_all(files: impl Iterator<Item = (String, String)>) -> Vec<RustSource> {
    let mut sources: BTreeMap<String, RustSource> =
        files.map(|(path, content)| (path.clone(), RustSource::parse(&path, &content))).collect();
    let mut tests: BTreeSet<String> = sources.values().flat_map(RustSource::test_modules).collect();
    tests.insert("tests".to_owned());
    for source in sources.values_mut() {
        let stem = source.path.trim_end_matches(".rs");
        let is_test = tests.iter().any(|test| stem == test || source.path.starts_with(&format!("{test}/")));
        if is_test || source.path.contains("/tests/") {
            source.tokens.iter_mut().for_each(|token| token.in_test = true);
        }
    }
    sources.into_values().collect()
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    let push = |tokens: &mut Vec<Token>, text: String, line: usize| tokens.push(Token { text, line, in_test: false });
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(tokens, open.to_owned(), line);
                flatten(group.stream(), tokens);
                push(tokens, close.to_owned(), group.span().end().line);
            }
            // A text is kept as one token, quotes included: it equals no name.
            other => push(tokens, other.to_string(), line),
        }
    }
}

/// Marks each item under `#[cfg(test)]`: up to the `;` or the brace that ends it.
fn mark_tests(tokens: &mut [Token]) {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut at = 0;
    while at + MARK.len() <= tokens.len() {
        if !tokens[at..at + MARK.len()].iter().map(|token| token.text.as_str()).eq(MARK) {
            at += 1;
            continue;
        }
        let mut depth = 0_usize;
        let mut end = at + MARK.len();
        while let Some(token) = tokens.get(end) {
            match token.text.as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            end += 1;
            if depth == 0 && matches!(token.text.as_str(), ";" | "}") {
                break;
            }
        }
        tokens[at..end].iter_mut().for_each(|token| token.in_test = true);
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in_tests(source: &RustSource) -> Vec<&str> {
        let marked = source.tokens.iter().filter(|token| token.in_test);
        marked.map(|token| token.text.as_str()).filter(|text| text.starts_with("name_")).collect()
    }

    #[test]
    fn comments_and_texts_are_no_code() {
        let source = RustSource::parse(
            "a.rs",
            "// x.unwrap()\n/// y.unwrap()\nconst Z: &str = \"z.unwrap()\";\nfn f() { w\n.unwrap() }",
        );
        let found = source.find(&[".", "unwrap", "("]);
        assert_eq!(found.len(), 1);
        assert_eq!(source.tokens[found[0]].line, 5);
    }

    #[test]
    fn only_items_under_cfg_test_are_tests() {
        let source = RustSource::parse(
            "a.rs",
            "fn name_a() {} #[cfg(test)] #[derive(Debug)] struct name_b { name_c: u8 } fn name_d() {} #[cfg(test)] mod name_e; fn name_f() {}",
        );
        assert_eq!(names_in_tests(&source), ["name_b", "name_c", "name_e"]);
    }

    #[test]
    fn a_file_declared_under_cfg_test_is_a_test_with_all_its_modules() {
        let files = [
            ("libs/a/src/b.rs", "#[cfg(test)] mod t; mod c; #[cfg(test)] #[path = \"b_tests.rs\"] mod tests;"),
            ("libs/a/src/b_tests.rs", "fn name_b() {}"),
            ("libs/a/src/b/t.rs", "fn name_t() {}"),
            ("libs/a/src/b/t/deep.rs", "fn name_deep() {}"),
            ("libs/a/src/b/c.rs", "fn name_c() {}"),
            ("libs/a/tests/it/main.rs", "fn name_it() {}"),
        ];
        let sources = read_all(files.into_iter().map(|(path, content)| (path.to_owned(), content.to_owned())));
        let names: Vec<&str> = sources.iter().flat_map(names_in_tests).collect();
        assert_eq!(names, ["name_t", "name_deep", "name_b", "name_it"]);
    }
}
