/*
 * A button in the corner of any website that opens a panel to ask questions about its privacy policy.
 *
 *   <script src="https://HOST/widget.js" data-policy="acme" data-lang="de" data-label="Datenschutz" async></script>
 *
 * All attributes but src are optional. Nothing is stored in the browser, and nothing but HOST is contacted. A strict
 * Content-Security-Policy needs `script-src HOST; connect-src HOST` and nothing else.
 */
(() => {
  "use strict";

  const NAME = "policybot-widget";
  const SCRIPT = document.currentScript;
  if (!SCRIPT || customElements.get(NAME)) return;

  const BASE = new URL(".", SCRIPT.src);
  const { policy: POLICY, lang: LANG, label: LABEL } = SCRIPT.dataset;
  const SMALL = "(max-width: 30em), (max-height: 32em)"; // where the panel fills the screen
  const PATIENCE_MS = 20_000;
  const BUSY_S = 10; // to wait where the service does not say for how long
  const HISTORY_TURNS = 10;
  const CONTEXT_CHARS = 200;
  const REASON_CHARS = 1000;
  const HANDED_ON_CHARS = 2000; // of an answer in a link, whose length mail programs limit

  const LANGUAGES = ["en", "de", "fr", "es", "ar"];
  const STRINGS = {
    label: [
      "Privacy questions",
      "Fragen zum Datenschutz",
      "Questions de confidentialité",
      "Preguntas de privacidad",
      "أسئلة الخصوصية",
    ],
    panel: [
      "Questions about our privacy policy",
      "Fragen zu unserer Datenschutzerklärung",
      "Questions sur notre politique de confidentialité",
      "Preguntas sobre nuestra política de privacidad",
      "أسئلة حول سياسة الخصوصية",
    ],
    hello: [
      "Ask about our privacy policy. Every answer shows the words it rests on.",
      "Fragen Sie zu unserer Datenschutzerklärung. Jede Antwort zeigt, worauf sie beruht.",
      "Posez vos questions sur notre politique de confidentialité. Chaque réponse la cite.",
      "Pregunte sobre nuestra política de privacidad. Cada respuesta la cita.",
      "اسأل عن سياسة الخصوصية لدينا. كل إجابة تعرض النص الذي تستند إليه.",
    ],
    version: [
      "Version: {version}",
      "Fassung: {version}",
      "Version : {version}",
      "Versión: {version}",
      "الإصدار: {version}",
    ],
    close: ["Close", "Schließen", "Fermer", "Cerrar", "إغلاق"],
    conversation: ["Conversation", "Unterhaltung", "Conversation", "Conversación", "المحادثة"],
    answer: ["Answer:", "Antwort:", "Réponse :", "Respuesta:", "الإجابة:"],
    input: ["Your question", "Ihre Frage", "Votre question", "Su pregunta", "سؤالك"],
    send: ["Send", "Senden", "Envoyer", "Enviar", "إرسال"],
    stop: ["Stop", "Anhalten", "Arrêter", "Detener", "إيقاف"],
    stopped: ["Stopped.", "Angehalten.", "Arrêté.", "Detenido.", "تم الإيقاف."],
    loading: ["One moment…", "Einen Moment …", "Un instant…", "Un momento…", "لحظة…"],
    suggestions: ["You could ask", "Mögliche Fragen", "Vous pourriez demander", "Puede preguntar", "يمكنك أن تسأل"],
    sources: ["From the policy", "Aus der Erklärung", "Dans la politique", "De la política", "من السياسة"],
    introduction: ["Introduction", "Einleitung", "Introduction", "Introducción", "المقدمة"],
    open: [
      "Open the full policy here",
      "Die ganze Erklärung hier öffnen",
      "Ouvrir la politique complète ici",
      "Abrir la política completa aquí",
      "افتح السياسة كاملة هنا",
    ],
    newTab: [
      "(opens in a new tab)",
      "(öffnet einen neuen Tab)",
      "(nouvel onglet)",
      "(se abre en otra pestaña)",
      "(في علامة تبويب جديدة)",
    ],
    up: ["Helpful", "Hilfreich", "Utile", "Útil", "مفيدة"],
    down: ["Not helpful", "Nicht hilfreich", "Pas utile", "No es útil", "غير مفيدة"],
    reason: [
      "What was wrong or missing? (optional)",
      "Was war falsch oder hat gefehlt? (freiwillig)",
      "Qu’est-ce qui était faux ou manquait ? (facultatif)",
      "¿Qué estaba mal o faltaba? (opcional)",
      "ما الخطأ أو الناقص فيها؟ (اختياري)",
    ],
    thanks: ["Thank you.", "Vielen Dank.", "Merci.", "Gracias.", "شكرًا لك."],
    person: [
      "Talk to a person",
      "Mit einem Menschen sprechen",
      "Parler à quelqu’un",
      "Hablar con una persona",
      "تحدّث إلى شخص",
    ],
    copy: ["Copy", "Kopieren", "Copier", "Copiar", "نسخ"],
    copied: ["Copied.", "Kopiert.", "Copié.", "Copiado.", "تم النسخ."],
    notCopied: [
      "Copying did not work. Select the text instead.",
      "Kopieren ist nicht möglich. Markieren Sie den Text.",
      "Copie impossible. Sélectionnez le texte.",
      "No se puede copiar. Seleccione el texto.",
      "تعذّر النسخ. حدّد النص.",
    ],
    failed: [
      "This service is down at the moment.",
      "Dieser Dienst ist gerade gestört.",
      "Ce service est indisponible pour le moment.",
      "Este servicio no funciona en este momento.",
      "هذه الخدمة متوقفة حاليًا.",
    ],
    lost: [
      "The connection was lost.",
      "Die Verbindung ist abgebrochen.",
      "La connexion a été interrompue.",
      "Se ha perdido la conexión.",
      "انقطع الاتصال.",
    ],
    busy: [
      "Very busy right now. Please wait {wait}, then try again.",
      "Gerade ist viel los. Bitte versuchen Sie es in {wait} erneut.",
      "Trop de demandes. Réessayez dans {wait}.",
      "Demasiadas solicitudes. Reintente en {wait}.",
      "الخدمة مشغولة. أعد المحاولة بعد {wait}.",
    ],
    retry: ["Try again", "Erneut versuchen", "Réessayer", "Reintentar", "إعادة المحاولة"],
    kept: [
      "Questions are kept for {days}, with contact details masked and without anything about who asked.",
      "Fragen werden {days} lang aufbewahrt, Kontaktdaten unkenntlich gemacht und ohne Angaben dazu, wer gefragt hat.",
      "Les questions sont conservées {days}, coordonnées masquées et sans rien sur la personne qui les pose.",
      "Las preguntas se guardan {days}, con los datos de contacto ocultos y sin nada sobre quién pregunta.",
      "تُحفظ الأسئلة لمدة {days} مع إخفاء بيانات الاتصال ودون أي شيء عمّن سأل.",
    ],
    notKept: [
      "Nothing you ask is kept.",
      "Ihre Fragen werden nicht aufbewahrt.",
      "Rien de ce que vous demandez n’est conservé.",
      "No se guarda nada de lo que pregunta.",
      "لا يُحفظ أي شيء مما تسأل عنه.",
    ],
  };

  const language = (LANG || document.documentElement.lang || "en").toLowerCase().split("-")[0];
  const lang = LANGUAGES.includes(language) ? language : "en";
  const dir = lang === "ar" ? "rtl" : "ltr";

  /** The wording of a key, with its {names} filled in. */
  const t = (key, values = {}) => STRINGS[key][LANGUAGES.indexOf(lang)].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const units = (count, unit) => new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "long" }).format(count);
  const day = (date) => new Intl.DateTimeFormat(lang, { dateStyle: "long", timeZone: "UTC" }).format(new Date(date));

  // The direction of `:host` stays the page's, so that the button stands in the corner that is usual there. Lengths
  // are in em and not in rem, which the page could change.
  const STYLE = `
    :host {
      all: initial !important; position: fixed !important; z-index: 2147483647 !important;
      inset-block-end: max(1em, env(safe-area-inset-bottom)) !important; inset-inline-end: 1em !important;
    }
    :host([hidden]) { display: none !important; }
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    .root {
      --ink: #1e293b; --dim: #475569; --paper: #fff; --tint: #f1f5f9; --line: #cbd5e1; --edge: #64748b;
      --accent: #0f766e; --on-accent: #fff; --bad: #b91c1c; --mark: #fde68a;
      color-scheme: light dark; font: 1em/1.5 system-ui, sans-serif; color: var(--ink); text-align: start;
      overflow-wrap: anywhere;
    }
    @media (prefers-color-scheme: dark) {
      .root {
        --ink: #e2e8f0; --dim: #a3b1c6; --paper: #0f172a; --tint: #1e293b; --line: #334155; --edge: #7c8ba1;
        --accent: #5eead4; --on-accent: #0f172a; --bad: #fca5a5;
      }
    }
    h2, p, ul, ol { margin: 0; padding: 0; }
    ul, ol { list-style: none; }
    svg { inline-size: 1.25em; block-size: 1.25em; flex: none; fill: none; stroke: currentColor; stroke-width: 1.8;
      stroke-linecap: round; stroke-linejoin: round; }
    button, textarea, a { font: inherit; color: inherit; }
    button, .action {
      display: inline-flex; align-items: center; justify-content: center; gap: .4em; min-block-size: 2em; margin: 0;
      padding: .25em .6em; border: 1px solid transparent; border-radius: .5em; background: none; text-align: start;
      text-decoration: none; cursor: pointer;
    }
    button:disabled { opacity: .55; cursor: default; }
    button:hover:enabled, a:hover { text-decoration: underline; }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
    a { color: var(--accent); }
    .primary { background: var(--accent); color: var(--on-accent); font-weight: 600; }
    .plain { border-color: var(--edge); }
    .small { font-size: .875em; color: var(--dim); }
    dialog[open], .talk, .messages, .messages > li, .cited, .cited ul, .suggestions, .trouble, .reason, label, .ask {
      display: flex; flex-direction: column; align-items: stretch; gap: .5em;
    }
    .hidden { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%);
      white-space: nowrap; }

    .launcher { min-block-size: 3em; max-inline-size: calc(100vw - 2em); padding: .5em 1.1em; border-radius: 1.5em;
      box-shadow: 0 2px 10px rgb(15 23 42 / .3); }
    dialog { margin: 0; padding: 0; border: 1px solid var(--line); border-radius: 1em; background: var(--paper);
      color: inherit; position: static; inline-size: 25em; block-size: 40em; max-inline-size: calc(100vw - 2em);
      max-block-size: calc(100vh - 2em); max-block-size: calc(100dvh - 2em); overflow: clip;
      box-shadow: 0 8px 32px rgb(15 23 42 / .3); }
    dialog[open] { gap: 0; }
    dialog::backdrop { background: none; }

    .head { display: flex; align-items: flex-start; justify-content: space-between; gap: .5em;
      padding-block: .75em; padding-inline: 1em .5em; border-block-end: 1px solid var(--line); }
    h2 { font-size: 1.0625em; line-height: 1.35; font-weight: 600; }
    .icon { padding: .375em; color: var(--dim); }
    .talk { position: relative; flex: 1; min-block-size: 0; padding: 1em; overflow-y: auto;
      overscroll-behavior: contain; }
    .talk, .messages { gap: 1em; }
    .talk:focus-visible { outline-offset: -3px; }
    .messages:empty, .text:empty { display: none; }
    .messages > .question { align-self: flex-end; max-inline-size: 88%; padding: .5em .85em; border-radius: 1em;
      border: 1px solid transparent; border-end-end-radius: .25em; background: var(--tint); white-space: pre-wrap; }
    .question, .context, .reason { scroll-margin-block: .75em; }
    .text, blockquote { white-space: pre-wrap; }
    .error { color: var(--bad); font-weight: 600; }
    .cited li > button { inline-size: 100%; justify-content: space-between; padding: .4em .75em; }
    .cited [aria-expanded="true"] svg { transform: scaleY(-1); }
    blockquote { margin: .5em 0 .4em; padding-inline-start: .75em; border-inline-start: 3px solid var(--line);
      color: var(--dim); }
    mark { background: var(--mark); color: #1c1917; border-radius: 3px; }
    .context a { display: inline-block; padding-block: .2em; }
    .actions { display: flex; flex-wrap: wrap; align-items: center; gap: .25em; font-size: .875em; color: var(--dim);
      margin-inline-start: -.6em; }
    [aria-pressed="true"] { background: var(--accent); color: var(--on-accent); }
    .suggestions > button { border-color: var(--edge); border-radius: 1em; padding: .3em .85em; color: var(--accent); }
    .suggestions > button, .trouble button, .reason button { align-self: flex-start; }

    .ask { padding: .75em 1em; border-block-start: 1px solid var(--line); }
    .row { display: flex; align-items: flex-end; gap: .5em; }
    textarea { flex: 1; min-inline-size: 0; margin: 0; padding: .5em .75em; border: 1px solid var(--edge);
      border-radius: .75em; background: var(--paper); resize: none; field-sizing: content; min-block-size: 2.75em;
      max-block-size: 8em; }
    .reason textarea { flex: none; inline-size: 100%; min-block-size: 4.5em; }
    textarea::placeholder { color: var(--dim); opacity: 1; }
    .row button { min-block-size: 2.75em; min-inline-size: 2.75em; border-radius: .75em; }
    [dir="rtl"] .row svg { transform: scaleX(-1); }

    @media ${SMALL} {
      dialog { position: fixed; inset: 0; inline-size: 100%; block-size: 100vh; block-size: 100dvh;
        max-inline-size: none; max-block-size: none; border: 0; border-radius: 0; }
    }
    @media (max-height: 32em) { /* too low for a part that scrolls alone */
      dialog { overflow-y: auto; }
      .talk { flex: 1 0 auto; overflow: visible; }
    }
    @media (forced-colors: active) { [aria-pressed="true"] { border-color: Highlight; } }
    @media (prefers-reduced-motion: no-preference) {
      dialog[open] { animation: rise .16s ease-out; }
      @keyframes rise { from { opacity: 0; transform: translateY(.5em); } }
    }
    @media print { :host { display: none !important; } }
  `;

  const ICONS = {
    shield: "M12 3l7 3v5c0 4.5-3 8-7 10-4-2-7-5.5-7-10V6zM9 12l2 2 4-4",
    close: "M6 6l12 12M18 6L6 18",
    more: "M6 9l6 6 6-6",
    send: "M4 12h15M13 6l6 6-6 6",
    stop: "M5 5h14v14H5z",
    up: "M7 11v9H4v-9zl4-8a2 2 0 0 1 2 2v4h5.5a2 2 0 0 1 2 2.3l-1.2 7a2 2 0 0 1-2 1.7H7",
    down: "M7 13V4H4v9zl4 8a2 2 0 0 0 2-2v-4h5.5a2 2 0 0 0 2-2.3l-1.2-7a2 2 0 0 0-2-1.7H7",
  };

  /** An element; properties named on… listen, others are attributes, absent where null or false. */
  function h(tag, properties, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties ?? {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value != null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child != null));
    return element;
  }

  function icon(name) {
    const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
  }

  const button = (properties, ...children) => h("button", { type: "button", ...properties }, ...children);
  /** A button that shows an icon, and is called what the strings call it. */
  const iconButton = (name, properties) =>
    button({ class: "icon", "aria-label": t(name), title: t(name), ...properties }, icon(name));
  const newTab = () => h("span", { class: "hidden" }, ` ${t("newTab")}`);

  /** What the service answered instead of what was asked for; `wait` in seconds. */
  class Problem extends Error {
    constructor({ status, detail }, wait = NaN) {
      super(detail);
      Object.assign(this, { status, wait });
    }
  }

  async function request(path, { body, ...options } = {}) {
    const post = body && { method: "POST", body: JSON.stringify(body) };
    const response = await fetch(new URL(`api/v1/${path}`, BASE), {
      credentials: "omit",
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...post,
      ...options,
      headers: { ...(post && { "Content-Type": "application/json" }), ...options.headers },
    });
    if (response.ok) return response;
    const { detail } = await response.json().catch(() => ({}));
    throw new Problem({ status: response.status, detail }, parseInt(response.headers.get("Retry-After"), 10));
  }

  /** The server-sent events of a body: {name, data}, wherever its chunks and lines may break. */
  async function* events(body) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let [rest, name, data] = ["", "", []];
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        // A \r at the end may be half of a \r\n: it waits for the next chunk.
        const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
        rest = lines.pop();
        for (const line of lines) {
          const [, field, text] = /^([^:]*):? ?(.*)$/s.exec(line); // a comment's field is empty
          if (field === "event") name = text;
          if (field === "data") data.push(text);
          if (line) continue;
          if (data.length) yield { name, data: JSON.parse(data.join("\n")) };
          [name, data] = ["", []];
        }
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  /** What stands before a quote, the quote and what stands after it. Offsets count code points, as `points` does. */
  function excerpt(points, { start, end }) {
    const [from, to] = [Math.max(0, start - CONTEXT_CHARS), end + CONTEXT_CHARS];
    const part = (first, last) => points.slice(first, last).join("");
    const before = from ? "…" + part(from, start).replace(/^\S*\s+/, "") : part(0, start).trimStart();
    const after = to < points.length ? part(end, to).replace(/\s+\S*$/, "") + "…" : part(end).trimEnd();
    return [before, part(start, end), after];
  }

  /** A citation's section as people name it. */
  function place({ section, title, policy }) {
    if (section === "0") return t("introduction");
    return section ? `§${section} ${title ?? ""}`.trim() : title ?? policy;
  }

  class PolicybotWidget extends HTMLElement {
    #info = null; // what GET /widget says
    #hasty = false; // whether a question was sent before that came
    #turns = [];
    #texts = new Map(); // policies' texts by address, as promises of code points
    #streaming = null; // the AbortController of the answer that is being streamed
    #follows = true; // whether the talk scrolls along with what comes
    #small = matchMedia(SMALL);

    #launcher = button(
      { class: "launcher primary", lang: LABEL ? null : lang, dir: "auto", onclick: () => this.open() },
      icon("shield"),
      LABEL || t("label"),
    );
    #heading = h("h2", { dir: "auto" }, t("panel"));
    #dated = h("p", { class: "small" });
    #messages = h("ol", { class: "messages", role: "list" });
    #suggestions = h("div", { class: "suggestions" });
    #talk = h(
      "div",
      { class: "talk", role: "region", tabindex: "0", "aria-label": t("conversation") },
      this.#messages,
      this.#suggestions,
    );
    #input = h("textarea", {
      rows: 1,
      dir: "auto",
      autofocus: true,
      placeholder: t("input"),
      "aria-label": t("input"),
      oninput: () => this.#count(),
      onkeydown: (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        this.#submit();
      },
    });
    #counter = h("p", { class: "small", hidden: true });
    #send = iconButton("send", { class: "primary", type: "submit", disabled: true });
    #stop = iconButton("stop", { class: "plain", hidden: true, onclick: () => this.#streaming?.abort() });
    #notice = h("p", { class: "small notice" });
    #status = h("div", { class: "hidden", role: "status" });
    #panel = h(
      "dialog",
      { lang, dir, role: "dialog", "aria-label": t("panel") },
      h(
        "div",
        { class: "head" },
        h("div", null, this.#heading, this.#dated),
        iconButton("close", { onclick: () => this.close() }),
      ),
      this.#talk,
      h(
        "form",
        { class: "ask", onsubmit: (event) => (event.preventDefault(), this.#submit()) },
        h("div", { class: "row" }, this.#input, this.#send, this.#stop),
        this.#counter,
        this.#notice,
      ),
      this.#status,
    );

    constructor() {
      super();
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      const shadow = this.attachShadow({ mode: "open" });
      shadow.adoptedStyleSheets = [sheet];
      shadow.append(h("div", { class: "root", role: "region", "aria-label": t("panel") }, this.#launcher, this.#panel));

      this.#panel.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || event.isComposing) return;
        event.preventDefault();
        event.stopPropagation();
        this.close();
      });
      this.#panel.addEventListener("cancel", (event) => {
        event.preventDefault();
        this.close();
      });
      for (const type of ["wheel", "touchmove", "keydown"]) {
        this.#talk.addEventListener(type, () => (this.#follows = false), { passive: true });
      }
      this.#small.addEventListener("change", () => this.#panel.open && this.#show());
    }

    open() {
      if (this.#panel.open) return;
      this.#launcher.hidden = true;
      this.#show();
      if (!this.#info) this.#load();
    }

    close() {
      if (!this.#panel.open) return;
      this.#panel.close();
      this.#launcher.hidden = false;
      this.#launcher.focus();
    }

    /** Shows the panel beside the page, or where it fills the screen, instead of the page. */
    #show() {
      const focused = this.shadowRoot.activeElement;
      this.#panel.close();
      if (this.#small.matches) this.#panel.showModal();
      else this.#panel.show();
      (this.#panel.contains(focused) ? focused : this.#input).focus();
    }

    /** Has screen readers say something, once. */
    #announce(text, language = lang) {
      this.#status.replaceChildren(h("p", { lang: language }, text));
    }

    /** Puts the focus where a person goes on, without opening a phone's keyboard over the answer. */
    #refocus() {
      (matchMedia("(pointer: coarse)").matches ? this.#talk : this.#input).focus({ preventScroll: true });
    }

    async #load() {
      this.#suggestions.replaceChildren(h("p", { class: "small" }, t("loading")));
      try {
        const query = POLICY ? `?${new URLSearchParams({ policy: POLICY })}` : "";
        const info = await (await request(`widget${query}`)).json();
        this.#info = info;
        this.#heading.textContent = info.title;
        this.#heading.lang = "en";
        this.#dated.textContent = t("version", { version: info.date ? day(info.date) : info.version });
        this.#input.maxLength = info.question_chars;
        this.#notice.textContent = info.log.enabled ? t("kept", { days: units(info.log.days, "day") }) : t("notKept");
        this.#send.disabled = false;
        this.#suggest(info.suggestions.length, h("p", null, t("hello")));
        if (this.#hasty) this.#submit();
      } catch (error) {
        console.warn(`${NAME}:`, error);
        this.#suggestions.replaceChildren(this.#trouble(t("failed"), () => this.#load()));
      }
    }

    /** Offers at most so many suggested questions that have not been asked. */
    #suggest(most, ...before) {
      const asked = new Set(this.#turns.map((turn) => turn.question));
      const left = this.#info.suggestions.filter((question) => !asked.has(question)).slice(0, most);
      this.#suggestions.replaceChildren(...before);
      if (!left.length) return;
      this.#suggestions.append(
        h("p", { class: "small" }, t("suggestions")),
        ...left.map((text) =>
          button({ lang: "en", dir: "auto", onclick: () => (this.#refocus(), this.#ask(text)) }, text),
        ),
      );
    }

    #count() {
      const [used, most] = [this.#input.value.length, this.#input.maxLength];
      this.#counter.hidden = most < 0 || used < most * 0.8;
      this.#counter.textContent = `${used} / ${most}`;
    }

    #submit() {
      const question = this.#input.value.trim();
      this.#hasty = !this.#info; // sent as soon as the service has said what it allows
      if (!question || this.#hasty || this.#streaming) return;
      this.#input.value = "";
      this.#count();
      this.#ask(question);
    }

    #ask(question) {
      if (this.#streaming) return;
      const name = h("span", { class: "hidden", dir }, `${t("input")}: `);
      const turn = { question, asked: h("li", { class: "question", dir: "auto" }, name, question), item: h("li", null) };
      this.#messages.append(turn.asked, turn.item);
      this.#answer(turn);
    }

    /** Streams the answer to a turn's question into its item. */
    async #answer(turn) {
      const stopper = (this.#streaming = new AbortController());
      const text = h("p", { class: "text", lang: "en", dir: "auto" });
      const waiting = h("p", { class: "small" }, t("loading"));
      const history = this.#turns.slice(-HISTORY_TURNS).map((earlier) => earlier.question);
      let [citations, done] = [[], null];

      turn.item.replaceChildren(h("span", { class: "hidden" }, t("answer")), text, waiting);
      this.#suggestions.replaceChildren();
      this.#busy(true);
      this.#follows = true;
      this.#follow(turn);
      try {
        const response = await request("ask", {
          body: { question: turn.question, history, policy: POLICY || undefined },
          headers: { Accept: "text/event-stream" },
          signal: stopper.signal,
        });
        for await (const { name, data } of events(response.body)) {
          if (name === "error") throw new Problem(data);
          if (name === "citations") citations = data.citations;
          if (name === "done") done = data;
          if (name === "delta") {
            waiting.remove();
            text.append(data.text);
            this.#follow(turn);
          }
        }
        if (!done) throw new Error("The stream ended before its answer did.");
        text.textContent = done.text;
        citations = done.citations;
        this.#announce(done.text, "en");
      } catch (error) {
        if (stopper.signal.aborted) {
          turn.item.append(h("p", { class: "small" }, t("stopped")));
          this.#announce(t("stopped"));
        } else {
          turn.item.append(this.#failure(turn, error));
        }
      }
      waiting.remove();
      this.#busy(false);
      if (done || stopper.signal.aborted) this.#turns.push(turn);
      this.#finish(turn, { text: text.textContent, citations, id: done?.id });
      this.#suggest(2);
      this.#follow(turn);
    }

    #busy(busy) {
      if (!busy) this.#streaming = null;
      const focused = this.shadowRoot.activeElement;
      this.#send.hidden = busy;
      this.#stop.hidden = !busy;
      if (focused?.hidden) this.#refocus();
    }

    /** Scrolls down with the answer, as far as its question stays in sight. */
    #follow(turn) {
      if (this.#follows && this.#panel.open) turn.asked.scrollIntoView({ block: "start" });
    }

    #failure(turn, { status, wait, message }) {
      const busy = status === 429 || status === 503;
      const mistaken = status < 500 && !busy; // the question is at fault
      if (mistaken && message) return this.#trouble(message, null, "en");
      const text = busy ? t("busy", { wait: units(wait || BUSY_S, "second") }) : t(status ? "failed" : "lost");
      return this.#trouble(text, () => this.#streaming || this.#answer(turn));
    }

    /** Says what went wrong, with a button to try it again. */
    #trouble(text, again, language = lang) {
      this.#announce(text, language);
      const retry = again && button({ class: "plain", onclick: () => (this.#refocus(), again()) }, t("retry"));
      return h("div", { class: "trouble" }, h("p", { class: "error", lang: language, dir: "auto" }, text), retry);
    }

    /** Adds to an answer its citations and what can be done with it. */
    #finish(turn, { text, citations, id }) {
      if (citations.length) {
        turn.item.append(
          h(
            "div",
            { class: "cited" },
            h("p", { class: "small" }, t("sources")),
            h("ul", { role: "list" }, ...citations.map((citation) => this.#citation(citation))),
          ),
        );
      }
      const note = h("span", null);
      const say = (key) => {
        note.textContent = t(key);
        this.#announce(t(key));
      };
      const feedback = id && this.#info.log.enabled ? this.#feedback(id, say) : {};
      const copy = () => this.#copy(text, citations, say);
      const actions = h(
        "div",
        { class: "actions" },
        feedback.thumbs,
        text ? button({ onclick: copy }, t("copy")) : null,
        this.#person(turn.question, text),
        note,
      );
      turn.item.append(actions, feedback.form ?? "");
    }

    #citation(citation) {
      const { policy, version, start, end } = citation;
      const quoted = h("blockquote", { lang: "en", dir: "auto" });
      const quote = (before, words, after) => quoted.replaceChildren(before, h("mark", null, words), after);
      quote("", citation.quote, "");
      const page = new URL(`policies/${encodeURIComponent(policy)}/${encodeURIComponent(version)}`, BASE);
      page.search = new URLSearchParams({ start, end });
      const context = h(
        "div",
        { class: "context", hidden: true },
        quoted,
        h("a", { href: page, target: "_blank", rel: "noopener" }, t("open"), newTab()),
      );
      const toggle = button(
        {
          class: "plain",
          "aria-expanded": "false",
          onclick: async () => {
            context.hidden = !context.hidden;
            toggle.setAttribute("aria-expanded", String(!context.hidden));
            if (context.hidden) return;
            const points = await this.#policy(policy, version).catch(() => []); // the quote alone will do
            const parts = excerpt(points, citation);
            if (parts[1] === citation.quote) quote(...parts);
            context.scrollIntoView({ block: "nearest" });
          },
        },
        h("span", { lang: citation.section === "0" ? null : "en", dir: "auto" }, place(citation)),
        icon("more"),
      );
      return h("li", null, toggle, context);
    }

    /** The code points of a policy's text. */
    #policy(policy, version) {
      const path = `policies/${encodeURIComponent(policy)}?${new URLSearchParams({ version })}`;
      if (!this.#texts.has(path)) {
        const loading = request(path)
          .then((response) => response.json())
          .then(({ text }) => Array.from(text));
        loading.catch(() => this.#texts.delete(path));
        this.#texts.set(path, loading);
      }
      return this.#texts.get(path);
    }

    /** Two thumbs; the lower one asks what was wrong before it is sent. */
    #feedback(id, say) {
      const give = async (thumb) => {
        form.hidden = true;
        down.setAttribute("aria-expanded", "false");
        try {
          await request("feedback", { body: { id, thumb, reason: thumb === "down" ? reason.value.trim() : "" } });
          up.setAttribute("aria-pressed", String(thumb === "up"));
          down.setAttribute("aria-pressed", String(thumb === "down"));
          say("thanks");
        } catch {
          say("failed");
        }
      };
      const up = iconButton("up", { "aria-pressed": "false", onclick: () => give("up") });
      const down = iconButton("down", {
        "aria-pressed": "false",
        "aria-expanded": "false",
        onclick: () => {
          form.hidden = !form.hidden;
          down.setAttribute("aria-expanded", String(!form.hidden));
          if (form.hidden) return;
          reason.focus();
          form.scrollIntoView({ block: "nearest" });
        },
      });
      const reason = h("textarea", { maxlength: REASON_CHARS, dir: "auto" });
      const form = h(
        "form",
        {
          class: "reason",
          hidden: true,
          onsubmit: (event) => {
            event.preventDefault();
            down.focus();
            give("down");
          },
        },
        h("label", { class: "small" }, t("reason"), reason),
        h("button", { class: "plain" }, t("send")),
      );
      return { thumbs: h("span", null, up, down), form };
    }

    async #copy(text, citations, say) {
      const { title, version, policy } = this.#info;
      const quotes = citations.map((citation) => `${place(citation)}: “${citation.quote}”`);
      const cited = citations.length ? citations : [{ policy, version }];
      const sources = new Set(cited.map((c) => `${c.policy === policy ? title : c.policy}, ${t("version", c)}`));
      try {
        await navigator.clipboard.writeText([text, quotes.join("\n"), ...sources].filter(Boolean).join("\n\n"));
        say("copied");
      } catch {
        say("notCopied");
      }
    }

    /** The link to whom the site names for people who want to talk to one, if it names anybody. */
    #person(question, answer) {
      const { person } = this.#info;
      if (!/^(https?|mailto):/.test(person)) return null;
      const words = Array.from(answer);
      const short = words.slice(0, HANDED_ON_CHARS).join("") + (words.length > HANDED_ON_CHARS ? "…" : "");
      const mail = person.startsWith("mailto:");
      const fields = mail
        ? { subject: t("panel"), body: `${question}\n\n${short}`.trim().replace(/\r?\n/g, "\r\n") }
        : { question, answer: short };
      // Mail programs take a + for itself, so no URLSearchParams.
      const query = Object.entries(fields).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
      const href = new URL(person);
      href.search = [href.search, ...query].filter(Boolean).join("&");
      return h(
        "a",
        { class: "action", href, rel: "noopener", target: mail ? null : "_blank" },
        t("person"),
        mail ? null : newTab(),
      );
    }
  }

  customElements.define(NAME, PolicybotWidget);

  function insert() {
    if (!document.querySelector(NAME)) document.body.append(document.createElement(NAME));
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", insert);
  else insert();
})();
