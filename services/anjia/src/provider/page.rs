//! What a person at the browser sees, in Chinese and English.

use devstack::callers;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::flow::Ask;
use crate::demo::caller;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1d2730}\
    .mark{background:#8a3b00;color:#fff;padding:.5rem 1rem;border-radius:.3rem}\
    button{display:block;width:100%;text-align:left;font:inherit;padding:.7rem 1rem;margin:.5rem 0;border:1px solid #9aa7b2;\
    border-radius:.3rem;background:#fff;cursor:pointer}button:hover,button:focus{background:#eef4f9}\
    small{color:#55636f}";

/// The people of the town; a click logs in.
pub(super) fn choice(ask: &Ask) -> Markup {
    let hidden = [
        ("response_type", &ask.response_type),
        ("client_id", &ask.client_id),
        ("redirect_uri", &ask.redirect_uri),
        ("scope", &ask.scope),
        ("state", &ask.state),
        ("nonce", &ask.nonce),
        ("code_challenge", &ask.code_challenge),
        ("code_challenge_method", &ask.code_challenge_method),
    ];
    framed(&html! {
        h1 { "登录 " span lang="en" { "Log in" } }
        form method="post" action="/authorize" {
            @for (name, value) in hidden {
                input type="hidden" name=(name) value=(value);
            }
            @for person in callers::people() {
                @let (name, function) = caller(&person.client_id);
                button type="submit" name="person" value=(person.client_id) {
                    (name.zh) " · " (function.zh) br;
                    small lang="en" { (name.en) ", " (function.en) " (" (person.client_id) ")" }
                }
            }
        }
    })
}

/// Why nobody is sent on.
pub(super) fn refusal(why: &str) -> Markup {
    framed(&html! {
        h1 { "无法登录 " span lang="en" { "No login" } }
        p lang="en" { (why) }
    })
}

fn framed(body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "安家 开发登录 / Anjia development login" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                p class="mark" {
                    strong { "仅供开发：无密码，人物均为虚构" } br;
                    span lang="en" { "For development only: no passwords, and nobody here is real" }
                }
                (body)
            }
        }
    }
}
