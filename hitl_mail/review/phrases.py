"""The words by which the mail programs of ten languages say what is no message: who wrote what
one quotes, from which device, and who warns of the sender. `courtesies` has those of people.

All as `str.casefold` makes them; a new language is added here and nowhere else.
"""

from __future__ import annotations

ATTRIBUTION_OPENINGS = (
    "on ", "am ", "le ", "el ", "il ", "op ", "em ", "den ", "w dniu ", "dnia ", "på ", "a ",
    "no dia ", "il giorno ", "el día ", "le mar", "in data ", "at ", "vào ", "kl. ", "ons", "man ",
)  # fmt: skip
WROTE = (
    "wrote", "writes", "schrieb", "geschrieben", "a écrit", "a ecrit", "écrivait", "escribió",
    "escribio", "ha scritto", "scritto", "schreef", "geschreven", "escreveu", "skrev", "skreiv",
    "napisał", "napisał(a)", "napisal", "pisze", "kirjoitti", "пишет", "написал", "写道", "寫道",
    "yazdı", "пише", "napsao", "napisao", "viết", "va escriure", "작성", "のメール", "書きました",
    "כתב", "كتب", "napsal", "írta", "a scris", "έγραψε",
)  # fmt: skip
ORIGINAL_MESSAGE = frozenset({
    "original message", "original appointment", "reply message", "ursprüngliche nachricht",
    "originalnachricht", "original-nachricht", "ursprüngliche mail", "message d'origine",
    "message original", "mensaje original", "messaggio originale", "messaggio originario",
    "oorspronkelijk bericht", "originele bericht", "mensagem original", "ursprungligt meddelande",
    "originalmeddelande", "original meddelelse", "oprindelig meddelelse", "opprinnelig melding",
    "original melding", "oprindelig besked",
    "wiadomość oryginalna", "oryginalna wiadomość", "alkuperäinen viesti",
    "forwarded message", "original mail", "weitergeleitete nachricht", "message transféré",
    "mensaje reenviado", "messaggio inoltrato", "doorgestuurd bericht", "mensagem encaminhada",
    "исходное сообщение", "原始邮件", "원본 메시지",
})  # fmt: skip
FROM_FIELDS = frozenset({
    "from", "von", "de", "da", "van", "från", "fra", "od", "lähettäjä", "от", "发件人", "差出人",
    "expéditeur", "mittente", "afzender", "remitente", "remetente", "kimden", "feladó", "de la",
    "από", "보낸 사람", "寄件者", "від",
})  # fmt: skip
HEADER_FIELDS = FROM_FIELDS | frozenset({
    "sent", "date", "to", "cc", "subject", "reply-to", "gesendet", "datum", "an", "betreff",
    "kopie",
    "envoyé", "à", "objet", "enviado", "enviado el", "fecha", "para", "asunto", "inviato", "data",
    "message du",
    "a", "oggetto", "verzonden", "aan", "onderwerp", "assunto", "skickat", "till", "ämne", "sendt",
    "dato", "til", "emne", "wysłano", "do", "temat", "lähetetty", "päivämäärä", "vastaanottaja",
    "aihe", "отправлено", "дата", "кому", "тема", "priority", "importance", "message-id",
    "kimden", "gönderildi", "kime", "konu", "odesláno", "komu", "předmět", "feladó",
    "elküldve", "címzett", "tárgy", "trimis", "către", "subiect", "στάλθηκε", "προς", "θέμα",
    "보낸 날짜", "받는 사람", "제목", "надіслано",
    "发送时间", "收件人", "主题", "抄送", "日期", "件名", "宛先",
})  # fmt: skip
SENT_FROM = (
    "sent from ", "sent with ", "sent via ", "sent by ", "sent on ", "get outlook for ",
    "von meinem ", "gesendet von ", "gesendet mit ", "diese nachricht wurde von mein",
    "outlook für ", "holen sie sich outlook", "envoyé de ", "envoyé depuis ", "envoyé avec ",
    "envoyé à partir", "obtenir outlook", "télécharger outlook", "enviado desde ", "enviado con ",
    "obtener outlook", "inviato da ", "inviato dal ", "inviato con ", "scarica outlook",
    "ottieni outlook", "verzonden vanaf ", "verzonden met ", "verstuurd vanaf ", "outlook voor ",
    "enviado do ", "enviado de ", "enviado pelo ", "enviado através", "obter o outlook",
    "baixar o outlook", "skickat från ", "hämta outlook", "sendt fra ", "hent outlook",
    "få outlook",
    "wysłane z ", "wysłano z ", "pobierz outlook", "lähetetty ", "cordialement, envoyé",
    "yahoo mail: ", "hanki outlook", "skaff deg outlook", "отправлено с ", "отправлено из ",
    "odesláno z ", "发自我的", "发自 ", "從我的 ", "outlook for ",
)  # fmt: skip
DEVICES = (
    "outlook", "iphone", "ipad", "android", "galaxy", "samsung", "huawei", "xiaomi", "blackberry",
    "yahoo mail", "protonmail", "proton mail", "zoho mail", "gmx", "bluemail", "aqua mail",
    "windows", "thunderbird", "gmail", "libero mail", "spark",
)  # fmt: skip
SENT = (
    "sent from", "sent with", "sent using", "sent via", "gesendet", "envoyé", "enviado", "inviato",
    "verzonden", "verstuurd", "skickat", "skickades", "sendt", "wysłan", "pobierz", "lähetetty",
    "odesláno", "отправлено", "gönderildi", "から送信", "を入手", "보냄", "发自", "從我的",
    "voor ios", "voor android", "für ios", "für android",
)  # fmt: skip
BANNERS = (
    "external email", "external sender", "external mail", "external:", "external e-mail",
    "this email originated", "this e-mail originated", "this message originated",
    "this email came from outside", "this message came from outside", "this message is from an ext",
    "this message was sent from outside", "this email was sent from outside", "this is an external",
    "you don't often get email from", "you don’t often get email from",
    "some people who received this message", "this sender is ", "[external", "externe e-mail",
    "externe mail", "diese e-mail stammt", "diese e-mail kommt von", "diese nachricht stammt",
    "sie erhalten nicht häufig", "sie erhalten nicht oft", "courriel externe", "message externe",
    "ce message provient", "cet e-mail provient", "ce courriel provient",
    "vous ne recevez pas souv",
    "expéditeur externe", "correo externo", "este correo proviene",
    "este correo electrónico", "este correo se", "este mensaje proviene",
    "no suele recibir", "remitente externo", "mittente esterno", "messaggio esterno",
    "questa email proviene", "questa e-mail proviene", "questo messaggio proviene",
    "non si ricevono spesso", "externe afzender", "deze e-mail is afkomstig",
    "dit bericht is afkomstig", "u ontvangt niet vaak", "e-mail externo", "remetente externo",
    "este e-mail foi enviado", "este email foi enviado", "esta mensagem foi enviada",
    "você não costuma", "não recebe frequentemente", "extern avsändare", "externt e-post",
    "det här e-postmeddelandet kommer", "detta mejl kommer", "du får inte ofta", "ekstern afsender",
    "denne e-mail kommer", "denne mail kommer", "du får ikke ofte", "ekstern avsender",
    "denne e-posten kommer", "denne meldingen kommer", "nadawca zewnętrzny",
    "wiadomość zewnętrzna", "ta wiadomość pochodzi", "wiadomość pochodzi", "nie często otrzym",
    "ulkoinen lähettäjä", "tämä viesti on tullut", "tämä sähköposti on tullut",
    "tämä sähköposti on lähetetty", "et saa usein",
)  # fmt: skip
WARNINGS = (
    # A person may begin so, too: a banner only with a word of each of the two lists below.
    "caution", "warning", "attention", "warnung", "achtung", "vorsicht", "precaución", "atención",
    "cuidado", "atenção", "attenzione", "let op", "varning", "obs", "uwaga", "advarsel", "varoitus",
    "huomio", "mise en garde", "avertissement", "be careful",
)  # fmt: skip
WARNED_FROM = (
    "extern", "outside", "organi", "unknown", "sender", "ausserhalb", "absender", "unbekannt",
    "extérieur", "expéditeur", "remitente", "exterior", "fuera de", "mittente", "estern", "buiten",
    "afzender", "remetente", "fora da", "avsändare", "utanför", "afsender", "uden for", "avsender",
    "utenfor", "nadawc", "spoza", "zewnętrz", "ulkoi", "ulkopuol", "lähettäj",
)  # fmt: skip
WARNED_OF = (
    "link", "attachment", "suspicious", "phishing", "click", "anhäng", "anhang", "klick", "lien",
    "pièce", "cliquez", "enlace", "adjunt", "clic", "collegament", "allegat", "bijlage", "klik",
    "anexo", "clique", "länk", "bilag", "bifog", "vedhæft", "vedlegg", "lenke", "załącznik",
    "kliknij", "linkk", "liitte",
)  # fmt: skip
TAGS = frozenset({
    "external", "ext", "extern", "external email", "external sender", "externe", "externo",
    "esterno", "ekstern", "externe e-mail", "caution", "caution external email", "zewnętrzny",
    "externt", "ulkoinen", "external e-mail", "external mail", "externe mail", "zewnętrzna",
})  # fmt: skip
LIST_FOOTERS = (
    "mailing list", "unsubscribe", "to post to this group", "you received this message because",
    "google groups", "list info", "/listinfo/", "/mailman/",
)  # fmt: skip
