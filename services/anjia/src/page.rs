//! A page to read or print, in Chinese and English: one file that loads nothing.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What all pages look like; each adds its own after it.
const STYLE: &str = "
:root { color-scheme: light; }
body { font: 16px/1.6 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', system-ui, sans-serif; color: #1c2733; background: #f4f6f8; margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
@media print { body { background: #fff; } }
";

/// The whole page around what is on it.
pub(crate) fn whole(title: &str, style: &'static str, content: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body { main { (content) } }
        }
    }
    .into_string()
}
