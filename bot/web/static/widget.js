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
  const HISTORY_TURNS = 10;
  const CONTEXT_CHARS = 200;
  const REASON_CHARS = 1000;
  const HANDED_ON_CHARS = 2000; // of an answer in a link, whose length mail programs limit

  const STRINGS = {
    en: {
      label: "Privacy questions",
      panel: "Questions about our privacy policy",
      hello: "Ask anything about our privacy policy. Every answer shows the words it rests on.",
      dated: "Dated {date}",
      version: "Version {version}",
      close: "Close",
      conversation: "Conversation",
      you: "You asked:",
      answer: "Answer:",
      input: "Your question",
      send: "Send",
      stop: "Stop",
      stopped: "Stopped.",
      loading: "Loading…",
      reading: "Reading the policy…",
      suggestions: "You could ask",
      sources: "From the policy",
      introduction: "Introduction",
      open: "Open the full policy here",
      newTab: "(opens in a new tab)",
      rate: "Was this helpful?",
      up: "Helpful",
      down: "Not helpful",
      reason: "What was wrong or missing? (optional)",
      thanks: "Thank you.",
      notSent: "That could not be sent.",
      person: "Talk to a person",
      subject: "Question about the privacy policy",
      copy: "Copy",
      copied: "Copied.",
      notCopied: "Your browser does not allow copying. Select the text instead.",
      unavailable: "This service is down at the moment.",
      failed: "Something went wrong on our side.",
      lost: "The connection was lost.",
      busy: "Too many questions at once. Please wait {wait}, then try again.",
      aMoment: "a moment",
      retry: "Try again",
      kept: "Questions are kept for {days}, with contact details masked and without anything about who asked.",
      notKept: "Nothing you ask is kept.",
    },
    de: {
      label: "Fragen zum Datenschutz",
      panel: "Fragen zu unserer Datenschutzerklärung",
      hello: "Fragen Sie alles zu unserer Datenschutzerklärung. Jede Antwort zeigt die Stellen, auf denen sie beruht.",
      dated: "Stand: {date}",
      version: "Version {version}",
      close: "Schließen",
      conversation: "Unterhaltung",
      you: "Ihre Frage:",
      answer: "Antwort:",
      input: "Ihre Frage",
      send: "Senden",
      stop: "Anhalten",
      stopped: "Angehalten.",
      loading: "Wird geladen …",
      reading: "Die Erklärung wird gelesen …",
      suggestions: "Mögliche Fragen",
      sources: "Aus der Erklärung",
      introduction: "Einleitung",
      open: "Die ganze Erklärung hier öffnen",
      newTab: "(öffnet einen neuen Tab)",
      rate: "War das hilfreich?",
      up: "Hilfreich",
      down: "Nicht hilfreich",
      reason: "Was war falsch oder hat gefehlt? (freiwillig)",
      thanks: "Vielen Dank.",
      notSent: "Das konnte nicht gesendet werden.",
      person: "Mit einem Menschen sprechen",
      subject: "Frage zur Datenschutzerklärung",
      copy: "Kopieren",
      copied: "Kopiert.",
      notCopied: "Ihr Browser erlaubt das Kopieren nicht. Markieren Sie stattdessen den Text.",
      unavailable: "Dieser Dienst ist gerade nicht erreichbar.",
      failed: "Bei uns ist etwas schiefgegangen.",
      lost: "Die Verbindung ist abgebrochen.",
      busy: "Zu viele Fragen auf einmal. Bitte warten Sie {wait} und versuchen Sie es dann erneut.",
      aMoment: "einen Moment",
      retry: "Erneut versuchen",
      kept: "Fragen werden {days} lang aufbewahrt, ohne Kontaktdaten und ohne Angaben dazu, wer gefragt hat.",
      notKept: "Ihre Fragen werden nicht aufbewahrt.",
    },
    fr: {
      label: "Questions de confidentialité",
      panel: "Questions sur notre politique de confidentialité",
      hello: "Posez vos questions sur notre politique de confidentialité. Chaque réponse cite les passages sur lesquels elle repose.",
      dated: "Version du {date}",
      version: "Version {version}",
      close: "Fermer",
      conversation: "Conversation",
      you: "Votre question :",
      answer: "Réponse :",
      input: "Votre question",
      send: "Envoyer",
      stop: "Arrêter",
      stopped: "Arrêté.",
      loading: "Chargement…",
      reading: "Lecture de la politique…",
      suggestions: "Vous pourriez demander",
      sources: "Dans la politique",
      introduction: "Introduction",
      open: "Ouvrir la politique complète ici",
      newTab: "(nouvel onglet)",
      rate: "Cette réponse est-elle utile ?",
      up: "Utile",
      down: "Pas utile",
      reason: "Qu’est-ce qui était faux ou manquait ? (facultatif)",
      thanks: "Merci.",
      notSent: "L’envoi a échoué.",
      person: "Parler à quelqu’un",
      subject: "Question sur la politique de confidentialité",
      copy: "Copier",
      copied: "Copié.",
      notCopied: "Votre navigateur n’autorise pas la copie. Sélectionnez plutôt le texte.",
      unavailable: "Ce service est indisponible pour le moment.",
      failed: "Une erreur s’est produite de notre côté.",
      lost: "La connexion a été interrompue.",
      busy: "Trop de questions à la fois. Patientez {wait}, puis réessayez.",
      aMoment: "un instant",
      retry: "Réessayer",
      kept: "Les questions sont conservées {days}, coordonnées masquées et sans rien sur la personne qui les pose.",
      notKept: "Rien de ce que vous demandez n’est conservé.",
    },
    es: {
      label: "Preguntas de privacidad",
      panel: "Preguntas sobre nuestra política de privacidad",
      hello: "Pregunte lo que quiera sobre nuestra política de privacidad. Cada respuesta muestra las palabras en que se apoya.",
      dated: "Versión del {date}",
      version: "Versión {version}",
      close: "Cerrar",
      conversation: "Conversación",
      you: "Su pregunta:",
      answer: "Respuesta:",
      input: "Su pregunta",
      send: "Enviar",
      stop: "Detener",
      stopped: "Detenido.",
      loading: "Cargando…",
      reading: "Leyendo la política…",
      suggestions: "Puede preguntar",
      sources: "De la política",
      introduction: "Introducción",
      open: "Abrir la política completa aquí",
      newTab: "(se abre en otra pestaña)",
      rate: "¿Le ha sido útil?",
      up: "Útil",
      down: "No es útil",
      reason: "¿Qué estaba mal o faltaba? (opcional)",
      thanks: "Gracias.",
      notSent: "No se ha podido enviar.",
      person: "Hablar con una persona",
      subject: "Pregunta sobre la política de privacidad",
      copy: "Copiar",
      copied: "Copiado.",
      notCopied: "Su navegador no permite copiar. Seleccione el texto en su lugar.",
      unavailable: "Este servicio no está disponible en este momento.",
      failed: "Algo ha fallado por nuestra parte.",
      lost: "Se ha perdido la conexión.",
      busy: "Demasiadas preguntas a la vez. Espere {wait} y vuelva a intentarlo.",
      aMoment: "un momento",
      retry: "Reintentar",
      kept: "Las preguntas se guardan {days}, con los datos de contacto ocultos y sin nada sobre quién pregunta.",
      notKept: "No se guarda nada de lo que pregunta.",
    },
    ar: {
      label: "أسئلة الخصوصية",
      panel: "أسئلة حول سياسة الخصوصية",
      hello: "اسأل ما تشاء عن سياسة الخصوصية لدينا. كل إجابة تعرض النص الذي تستند إليه.",
      dated: "بتاريخ {date}",
      version: "الإصدار {version}",
      close: "إغلاق",
      conversation: "المحادثة",
      you: "سؤالك:",
      answer: "الإجابة:",
      input: "سؤالك",
      send: "إرسال",
      stop: "إيقاف",
      stopped: "تم الإيقاف.",
      loading: "جارٍ التحميل…",
      reading: "جارٍ قراءة السياسة…",
      suggestions: "يمكنك أن تسأل",
      sources: "من السياسة",
      introduction: "المقدمة",
      open: "افتح السياسة كاملة هنا",
      newTab: "(في علامة تبويب جديدة)",
      rate: "هل كانت الإجابة مفيدة؟",
      up: "مفيدة",
      down: "غير مفيدة",
      reason: "ما الخطأ أو الناقص فيها؟ (اختياري)",
      thanks: "شكرًا لك.",
      notSent: "تعذّر الإرسال.",
      person: "تحدّث إلى شخص",
      subject: "سؤال حول سياسة الخصوصية",
      copy: "نسخ",
      copied: "تم النسخ.",
      notCopied: "متصفحك لا يسمح بالنسخ. حدّد النص بدلًا من ذلك.",
      unavailable: "هذه الخدمة متوقفة حاليًا.",
      failed: "حدث خطأ من جانبنا.",
      lost: "انقطع الاتصال.",
      busy: "عدد الأسئلة كبير الآن. انتظر {wait} ثم أعد المحاولة.",
      aMoment: "قليلًا",
      retry: "إعادة المحاولة",
      kept: "تُحفظ الأسئلة لمدة {days} مع إخفاء بيانات الاتصال ودون أي شيء عمّن سأل.",
      notKept: "لا يُحفظ أي شيء مما تسأل عنه.",
    },
  };

  const language = (LANG || document.documentElement.lang || "en").toLowerCase().split("-")[0];
  const lang = Object.hasOwn(STRINGS, language) ? language : "en";
  const dir = lang === "ar" ? "rtl" : "ltr";

  /** The wording of a key, with its {names} filled in. */
  const t = (key, values = {}) => STRINGS[lang][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
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
    }
    @media (prefers-color-scheme: dark) {
      .root {
        --ink: #e2e8f0; --dim: #a3b1c6; --paper: #0f172a; --tint: #1e293b; --line: #334155; --edge: #7c8ba1;
        --accent: #5eead4; --on-accent: #0f172a; --bad: #fca5a5; --mark: #fde68a;
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
      text-decoration: none; cursor: pointer; overflow-wrap: anywhere;
    }
    button:disabled { opacity: .55; cursor: default; }
    button:hover:enabled, .action:hover { background: var(--tint); }
    button:hover:enabled, a:hover { text-decoration: underline; }
    :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    a { color: var(--accent); }
    .primary, .primary:hover:enabled { background: var(--accent); color: var(--on-accent); font-weight: 600; }
    .plain, .plain:hover:enabled { border-color: var(--edge); }
    .small, .notice { font-size: .875em; color: var(--dim); }
    .hidden { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%);
      white-space: nowrap; }

    .launcher { min-block-size: 3em; max-inline-size: calc(100vw - 2em); padding: .5em 1.1em; border-radius: 1.5em;
      box-shadow: 0 2px 10px rgb(15 23 42 / .3); }
    dialog { margin: 0; padding: 0; border: 1px solid var(--line); border-radius: 1em; background: var(--paper);
      color: inherit; position: static; inline-size: 25em; block-size: 40em; max-inline-size: calc(100vw - 2em);
      max-block-size: calc(100vh - 2em); max-block-size: calc(100dvh - 2em); overflow: hidden;
      box-shadow: 0 8px 32px rgb(15 23 42 / .3); }
    dialog[open] { display: flex; flex-direction: column; }
    dialog::backdrop { background: none; }

    .head { display: flex; align-items: flex-start; justify-content: space-between; gap: .5em;
      padding: .75em .5em .75em 1em; padding-inline: 1em .5em; border-block-end: 1px solid var(--line); }
    .head > div { min-inline-size: 0; overflow-wrap: anywhere; }
    h2 { font-size: 1.0625em; line-height: 1.35; font-weight: 600; }
    .icon { padding: .375em; color: var(--dim); }
    .talk { flex: 1; min-block-size: 0; overflow-y: auto; overscroll-behavior: contain; padding: 1em; display: flex;
      flex-direction: column; gap: 1em; }
    .talk:focus-visible { outline-offset: -3px; }
    .talk, .talk * { scroll-margin-block-start: .75em; }
    .messages { display: contents; }
    .messages > li { display: flex; flex-direction: column; align-items: flex-start; gap: .6em; min-inline-size: 0;
      overflow-wrap: anywhere; }
    .messages > .question { align-self: flex-end; max-inline-size: 88%; padding: .5em .85em; border-radius: 1em;
      border: 1px solid transparent; border-end-end-radius: .25em; background: var(--tint); white-space: pre-wrap; }
    .text, blockquote { white-space: pre-wrap; }
    .error { color: var(--bad); font-weight: 600; }
    .cited, .cited ul, .suggestions, .reason { display: flex; flex-direction: column; gap: .4em; align-self: stretch; }
    .cited li > button { inline-size: 100%; justify-content: flex-start; padding: .4em .75em; font-size: .9375em; }
    .cited li > button::after { content: ""; flex: none; margin-inline-start: auto; inline-size: .45em;
      block-size: .45em; border: solid currentColor; border-width: 0 2px 2px 0; transform: translateY(-2px) rotate(45deg); }
    .cited [aria-expanded="true"]::after { transform: translateY(2px) rotate(225deg); }
    blockquote { margin: .5em 0 .4em; padding-inline-start: .75em; border-inline-start: 3px solid var(--line);
      font-size: .9375em; color: var(--dim); }
    mark { background: var(--mark); color: #1c1917; border-radius: 3px; }
    .context a { display: inline-block; padding-block: .2em; font-size: .9375em; }
    .actions { display: flex; flex-wrap: wrap; align-items: center; gap: .25em; font-size: .875em; color: var(--dim);
      margin-inline-start: -.6em; }
    .actions [aria-pressed="true"] { background: var(--accent); color: var(--on-accent); }
    .suggestions button { justify-content: flex-start; align-self: flex-start; border-color: var(--edge);
      border-radius: 1em; padding: .3em .85em; font-size: .9375em; color: var(--accent); }

    .ask { padding: .75em 1em; border-block-start: 1px solid var(--line); display: flex; flex-direction: column;
      gap: .5em; }
    .row { display: flex; align-items: flex-end; gap: .5em; }
    textarea { flex: 1; min-inline-size: 0; margin: 0; padding: .5em .75em; border: 1px solid var(--edge);
      border-radius: .75em; background: var(--paper); resize: none; field-sizing: content; min-block-size: 2.75em;
      max-block-size: 8em; }
    .reason textarea { flex: none; inline-size: 100%; min-block-size: 4.5em; }
    .reason button { align-self: flex-start; }
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
    @media (forced-colors: active) {
      .launcher, dialog, .primary, .messages > .question { border: 1px solid; }
      .actions [aria-pressed="true"] { border-color: Highlight; }
    }
    @media (prefers-reduced-motion: no-preference) {
      dialog[open] { animation: rise .16s ease-out; }
      .waiting { animation: breathe 1.4s ease-in-out infinite alternate; }
      @keyframes rise { from { opacity: 0; transform: translateY(.5em); } }
      @keyframes breathe { to { opacity: .6; } }
    }
    @media print { :host { display: none !important; } }
  `;

  const ICONS = {
    ask: "M21 12a8 8 0 0 1-8 8H4l1.8-2.9A8 8 0 1 1 21 12zM10.6 9.8a2.4 2.4 0 1 1 3.3 2.3q-.9.4-.9 1.4M13 16h.01",
    close: "M6 6l12 12M18 6L6 18",
    send: "M4 12h15M13 6l6 6-6 6",
    stop: "M7 7h10v10H7z",
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
    #turns = [];
    #texts = new Map(); // policies' texts by address, as promises of code points
    #streaming = null; // the AbortController of the answer that is being streamed
    #follows = true; // whether the talk scrolls along with what comes
    #small = matchMedia(SMALL);

    #launcher = button(
      { class: "launcher primary", lang: LABEL ? null : lang, dir: LABEL ? "auto" : dir, "aria-haspopup": "dialog", onclick: () => this.open() },
      icon("ask"),
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
    #send = h("button", { class: "primary", disabled: true, "aria-label": t("send"), title: t("send") }, icon("send"));
    #stop = button(
      { class: "plain", hidden: true, "aria-label": t("stop"), title: t("stop"), onclick: () => this.#streaming?.abort() },
      icon("stop"),
    );
    #notice = h("p", { class: "notice" });
    #status = h("div", { class: "hidden", role: "status" });
    #panel = h(
      "dialog",
      { lang, dir, role: "dialog", "aria-label": t("panel") },
      h(
        "div",
        { class: "head" },
        h("div", null, this.#heading, this.#dated),
        button({ class: "icon", "aria-label": t("close"), title: t("close"), onclick: () => this.close() }, icon("close")),
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
      const status = h("p", { class: "small" }, t("loading"));
      this.#suggestions.replaceChildren(status);
      try {
        const query = POLICY ? `?${new URLSearchParams({ policy: POLICY })}` : "";
        const info = await (await request(`widget${query}`)).json();
        this.#info = info;
        this.#heading.textContent = info.title;
        this.#heading.lang = "en";
        this.#dated.textContent = info.date ? t("dated", { date: day(info.date) }) : t("version", info);
        this.#input.maxLength = info.question_chars;
        this.#notice.textContent = info.log.enabled ? t("kept", { days: units(info.log.days, "day") }) : t("notKept");
        this.#send.disabled = false;
        this.#suggest(info.suggestions.length, h("p", null, t("hello")));
      } catch (error) {
        console.warn(`${NAME}:`, error);
        const retry = () => (this.#refocus(), this.#load());
        this.#suggestions.replaceChildren(
          h("p", { class: "error" }, t("unavailable")),
          h("div", null, button({ class: "plain", onclick: retry }, t("retry"))),
        );
        this.#announce(t("unavailable"));
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
      if (!question || !this.#info || this.#streaming) return;
      this.#input.value = "";
      this.#count();
      this.#ask(question);
    }

    #ask(question) {
      if (this.#streaming) return;
      const turn = {
        question,
        asked: h("li", { class: "question", dir: "auto" }, h("span", { class: "hidden" }, `${t("you")} `), question),
        item: h("li", null),
      };
      this.#messages.append(turn.asked, turn.item);
      this.#answer(turn);
    }

    /** Streams the answer to a turn's question into its item. */
    async #answer(turn) {
      const stopper = (this.#streaming = new AbortController());
      const text = h("p", { class: "text", lang: "en", dir: "auto" });
      const waiting = h("p", { class: "small waiting" }, t("reading"));
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
          turn.item.append(...this.#failure(turn, error));
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

    #failure(turn, error) {
      const { status, wait } = error;
      const busy = status === 429 || status === 503;
      const mistaken = status >= 400 && status < 500 && !busy;
      const message = busy
        ? t("busy", { wait: wait > 0 ? units(wait, "second") : t("aMoment") })
        : mistaken && error.message
          ? error.message
          : t(status ? "failed" : "lost");
      const retry = () => (this.#refocus(), this.#streaming || this.#answer(turn));
      this.#announce(message, mistaken ? "en" : lang);
      return [
        h("p", { class: "error", lang: mistaken ? "en" : null, dir: "auto" }, message),
        mistaken ? null : button({ class: "plain", onclick: retry }, t("retry")),
      ].filter(Boolean);
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
      const note = h("span", { class: "note" });
      const say = (key) => {
        note.textContent = t(key);
        this.#announce(t(key));
      };
      const actions = h("div", { class: "actions" });
      turn.item.append(actions);
      if (id && this.#info.log.enabled) actions.append(this.#feedback(id, actions, say));
      if (text) actions.append(button({ onclick: () => this.#copy(text, citations, say) }, t("copy")));
      actions.append(...this.#person(turn.question, text), note);
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
          },
        },
        h("span", { lang: citation.section === "0" ? null : "en", dir: "auto" }, place(citation)),
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

    #feedback(id, actions, say) {
      const give = async (thumb, reason) => {
        for (const [name, one] of Object.entries(thumbs)) one.setAttribute("aria-pressed", String(name === thumb));
        try {
          await request("feedback", { body: { id, thumb, reason } });
          say("thanks");
        } catch {
          thumbs[thumb].setAttribute("aria-pressed", "false");
          say("notSent");
        }
      };
      const thumb = (name, onclick) =>
        button({ class: "icon", "aria-label": t(name), title: t(name), "aria-pressed": "false", onclick }, icon(name));
      const reason = h("textarea", { maxlength: REASON_CHARS, dir: "auto" });
      const form = h(
        "form",
        {
          class: "reason",
          hidden: true,
          onsubmit: (event) => {
            event.preventDefault();
            form.hidden = true;
            thumbs.down.focus();
            if (reason.value.trim()) give("down", reason.value.trim());
          },
        },
        h("label", { class: "small" }, t("reason"), reason),
        h("button", { class: "plain" }, t("send")),
      );
      const thumbs = {
        up: thumb("up", () => {
          form.hidden = true;
          give("up");
        }),
        down: thumb("down", () => {
          form.hidden = false;
          reason.focus();
          give("down");
        }),
      };
      actions.after(form);
      return h("span", { role: "group", "aria-label": t("rate") }, thumbs.up, thumbs.down);
    }

    async #copy(text, citations, say) {
      const { title, version, policy } = this.#info;
      const quotes = citations.map((citation) => `${place(citation)}: “${citation.quote}”`);
      const cited = citations.map((c) => `${!policy || c.policy === policy ? title : c.policy}, ${t("version", c)}`);
      const sources = cited.length ? new Set(cited) : [`${title}, ${t("version", { version })}`];
      try {
        await navigator.clipboard.writeText([text, quotes.join("\n"), ...sources].filter(Boolean).join("\n\n"));
        say("copied");
      } catch {
        say("notCopied");
      }
    }

    /** The link to whom the site names for people who want to talk to one, if it names anybody. */
    #person(question, answer) {
      const person = this.#info.person ?? "";
      const words = Array.from(answer);
      const short = words.length > HANDED_ON_CHARS ? `${words.slice(0, HANDED_ON_CHARS).join("")}…` : answer;
      if (person.startsWith("mailto:")) {
        const fields = { subject: t("subject"), body: short ? `${question}\n\n${short}` : question };
        // Mail programs take a + for itself, so no URLSearchParams; and a line ends in \r\n there.
        const query = Object.entries(fields).map(([name, value]) => `${name}=${encodeURIComponent(value.replace(/\r?\n/g, "\r\n"))}`);
        const href = person + (person.includes("?") ? "&" : "?") + query.join("&");
        return [h("a", { class: "action", href }, t("person"))];
      }
      if (!/^https?:\/\//.test(person)) return [];
      const href = new URL(person);
      href.searchParams.append("question", question);
      href.searchParams.append("answer", short);
      return [h("a", { class: "action", href, target: "_blank", rel: "noopener" }, t("person"), newTab())];
    }
  }

  customElements.define(NAME, PolicybotWidget);

  function insert() {
    if (!document.querySelector(NAME)) document.body.append(document.createElement(NAME));
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", insert);
  else insert();
})();
