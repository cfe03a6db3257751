// The plain console: everything goes through the same API that the web app calls.
const $ = (selector) => document.querySelector(selector);
const session = await (await fetch("/local/session")).json();

async function api(path, options = {}) {
  const headers = { authorization: `Bearer ${session.idToken}`, "content-type": "application/json", ...options.headers };
  const answer = await fetch(path, { ...options, headers });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.detail}. ${body.action}.`);
  return body;
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

async function showConnections() {
  const { connections } = await api(`/api/connections?profileId=${session.profileId}`);
  $("#connections").replaceChildren(...connections.map((connection) => {
    const item = element("li");
    item.dataset.connection = connection.platform;
    const name = { twitter: "X", instagram: "Instagram", tiktok: "TikTok" }[connection.platform];
    if (!connection.available) item.append(`${name}: not set up here`);
    else if (connection.connected) {
      const button = element("button", { type: "button", textContent: "Disconnect" });
      button.onclick = async () => {
        const answer = await api(`/api/connections/${connection.platform}?profileId=${session.profileId}`, { method: "DELETE" });
        $("#notice").textContent = answer.warning ? `${answer.warning.message}. ${answer.warning.action}.` : `${name} is disconnected.`;
        await showConnections();
      };
      item.append(`${name}: @${connection.username} (${connection.status}) `, button);
    } else {
      const button = element("button", { type: "button", id: `connect-${connection.platform}`, textContent: `Connect ${name}` });
      button.onclick = async () => {
        const { authorizationUrl } = await api(`/api/auth/${connection.platform}?profileId=${session.profileId}&returnTo=/`);
        location.href = authorizationUrl;
      };
      item.append(button);
    }
    return item;
  }));
}

async function showPosts() {
  const { posts } = await api(`/api/posts?profileId=${session.profileId}`);
  $("#posts").replaceChildren(...posts.map((post) => {
    const delivery = post.deliveries?.twitter;
    const state = element("td", { textContent: post.status });
    state.dataset.postState = post.status;
    const result = element("td");
    if (delivery?.receipt) result.append(element("a", { href: delivery.receipt.permalink, textContent: delivery.receipt.permalink }));
    else if (delivery?.error) result.append(element("span", { className: "error", textContent: `${delivery.error.message}. ${delivery.error.action}.` }));
    const late = delivery?.latenessMs;
    return element("tr", {},
      element("td", { textContent: post.content }),
      element("td", { textContent: new Date(post.scheduledTime).toLocaleTimeString() }),
      state,
      element("td", { textContent: delivery?.state ?? "" }),
      element("td", { textContent: late === undefined ? "" : `${late} ms` }),
      result);
  }));
}

async function showTimeline() {
  const answer = await fetch("/x/audience/acme");
  const seen = await answer.json();
  const posts = Array.isArray(seen) ? seen : seen.posts;
  $("#timeline").replaceChildren(...posts.map((post) =>
    element("li", { textContent: `${post.text}${post.media.map((media) => ` [${media.kind}: ${media.alt_text ?? media.altText ?? "no text"}]`).join("")}` })));
}

for (const sample of session.samples.filter((sample) => sample.type.startsWith("image/"))) {
  $("#media").append(element("option", { value: sample.url, textContent: sample.name }));
}
$("#compose").onsubmit = async (event) => {
  event.preventDefault();
  const media = $("#media").value ? [{ url: $("#media").value, type: "image", altText: $("#alt").value }] : [];
  const scheduledTime = Date.now() + Number($("#delay").value) * 1000;
  try {
    const body = JSON.stringify({ profileId: session.profileId, content: $("#content").value, platforms: ["x"], media, scheduledTime });
    await api("/api/posts", { method: "POST", body, headers: { "idempotency-key": crypto.randomUUID() } });
    $("#compose-notice").textContent = "Scheduled.";
  } catch (error) {
    $("#compose-notice").textContent = error.message;
  }
  await showPosts();
};
const query = new URLSearchParams(location.search);
if (query.has("connected")) $("#notice").textContent = "Connected.";
if (query.has("message")) $("#notice").textContent = query.get("message");
if (query.size) history.replaceState(null, "", "/");
await showConnections();
const refresh = () => Promise.all([showPosts(), showTimeline()]).catch((error) => { $("#notice").textContent = error.message; });
await refresh();
setInterval(refresh, 1000);
