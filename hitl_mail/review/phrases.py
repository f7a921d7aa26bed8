"""The words by which mail programs and people of ten languages say the things that are no
message: who wrote what one quotes, thanks, closings, signatures, disclaimers, banners.

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
    "yazdı", "napsal", "írta", "a scris", "έγραψε",
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
    "expéditeur", "mittente", "afzender",
})  # fmt: skip
HEADER_FIELDS = FROM_FIELDS | frozenset({
    "sent", "date", "to", "cc", "subject", "reply-to", "gesendet", "datum", "an", "betreff",
    "kopie",
    "envoyé", "à", "objet", "enviado", "enviado el", "fecha", "para", "asunto", "inviato", "data",
    "a", "oggetto", "verzonden", "aan", "onderwerp", "assunto", "skickat", "till", "ämne", "sendt",
    "dato", "til", "emne", "wysłano", "do", "temat", "lähetetty", "päivämäärä", "vastaanottaja",
    "aihe", "отправлено", "дата", "кому", "тема", "priority", "importance", "message-id",
    "发送时间", "收件人", "主题", "抄送", "日期", "件名", "宛先", "送信日時",
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
    "yahoo mail: ",
)  # fmt: skip
BANNERS = (
    "caution:", "warning:", "external email", "external sender", "external mail", "external:",
    "this email originated", "this message originated", "this email came from outside",
    "this message came from outside", "this message was sent from outside", "attention:",
    "you don't often get email from", "some people who received this message",
    "this sender is ", "achtung:", "externe e-mail", "externe mail", "vorsicht:",
    "diese e-mail stammt", "sie erhalten nicht häufig", "attention :", "courriel externe",
    "expéditeur externe", "precaución:", "correo externo", "atenção:", "attenzione:",
    "mittente esterno", "let op:", "externe afzender", "varning:", "extern avsändare", "uwaga:",
    "nadawca zewnętrzny", "advarsel:", "ekstern afsender", "ekstern avsender",
)  # fmt: skip
TAGS = frozenset({
    "external", "ext", "extern", "external email", "external sender", "externe", "externo",
    "esterno", "ekstern", "externe e-mail", "caution", "caution external email", "zewnętrzny",
})  # fmt: skip
CLOSINGS = (
    "thanks", "thank you", "many thanks", "thx", "ty", "cheers", "best", "best regards",
    "kind regards", "regards", "warm regards", "best wishes", "sincerely", "yours", "br", "kr",
    "danke", "vielen dank", "besten dank", "herzlichen dank", "gruss", "gruss", "grüsse", "gruesse",
    "viele grüsse", "liebe grüsse", "beste grüsse", "schöne grüsse", "mit freundlichen grüssen",
    "freundliche grüsse", "mit besten grüssen", "mfg", "lg", "vg", "merci", "merci beaucoup",
    "cordialement", "bien cordialement", "bien à vous", "cdlt", "salutations", "bonne journée",
    "gracias", "muchas gracias", "saludos", "un saludo", "saludos cordiales", "atentamente",
    "grazie", "grazie mille", "cordiali saluti", "distinti saluti", "saluti", "un saluto",
    "bedankt", "dank je", "dank u", "hartelijk dank", "groet", "groeten", "met vriendelijke groet",
    "vriendelijke groet", "mvg", "obrigado", "obrigada", "muito obrigado", "muito obrigada",
    "atenciosamente", "cumprimentos", "abraço", "abraços", "com os melhores cumprimentos", "tack",
    "tack så mycket", "hälsningar", "med vänliga hälsningar", "vänliga hälsningar", "mvh", "tak",
    "mange tak", "hilsen", "venlig hilsen", "med venlig hilsen", "vennlig hilsen",
    "med vennlig hilsen", "takk", "tusen takk", "dziękuję", "dzięki", "pozdrawiam", "pozdrowienia",
    "z poważaniem", "kiitos", "terveisin", "ystävällisin terveisin", "have a nice day",
    "have a good day", "schönen tag", "schönen tag noch", "buona giornata", "fijne dag",
)  # fmt: skip
DOUBT = frozenset({
    "but", "only", "if", "unless", "except", "instead", "however", "not", "don't", "dont", "wait",
    "after", "until", "when", "once", "provided", "change", "make", "assuming", "first", "before",
    "although", "though", "hold", "stop", "no", "without", "max", "maximum", "limit", "half",
    "aber", "nur", "wenn", "falls", "ausser", "nicht", "kein", "keine", "erst", "ohne", "sondern",
    "mais", "seulement", "si", "sauf", "pas", "sans", "avant", "pero", "solo", "sólo", "salvo",
    "sin", "ma", "se", "tranne", "non", "senza", "maar", "alleen", "als", "tenzij", "niet", "geen",
    "mas", "somente", "exceto", "não", "sem", "men", "bara", "om", "endast", "inte", "kun", "hvis",
    "ikke", "ale", "tylko", "jeśli", "jeżeli", "nie", "oprócz", "bez",
})  # fmt: skip
DISCLAIMERS = (
    "confidential", "intended recipient", "intended only", "intended solely", "privileged",
    "if you have received", "received this email in error", "received this e-mail in error",
    "delete this", "registered office", "registered in", "please consider the environment",
    "virus", "disclaimer", "unauthorized", "unauthorised", "vertraulich", "empfänger",
    "irrtümlich", "geschäftsführer", "handelsregister", "amtsgericht", "sitz der gesellschaft",
    "vernichten", "confidentiel", "destinataire", "par erreur", "confidencial", "destinatario",
    "destinatário", "por error", "por engano", "riservat", "per errore", "vertrouwelijk",
    "geadresseerde", "abusievelijk", "konfidentiell", "mottagare", "av misstag", "fortrolig",
    "modtager", "mottaker", "ved en fejl", "ved en feil", "poufn", "adresat", "omyłkow",
)  # fmt: skip
