"""What people and their companies put below a message and do not mean: thanks, greetings, names of
offices, disclaimers; and the words by which one can tell that it is something else after all.

English, German, French, Spanish, Italian, Dutch, Portuguese, Swedish, Danish, Norwegian, Polish
and Finnish, with the commonest of Russian, Czech, Turkish, Chinese and Japanese. All as
`str.casefold` makes them; another language is added here and nowhere else.
"""

from __future__ import annotations

THANKS = (
    "thanks", "thank you", "thank u", "many thanks", "thx", "ty", "much appreciated", "appreciated",
    "danke", "dankeschön", "danke schön", "vielen dank", "besten dank", "herzlichen dank",
    "lieben dank", "schönen dank", "merci", "merci beaucoup", "mille mercis", "un grand merci",
    "gracias", "muchas gracias", "mil gracias", "grazie", "grazie mille", "molte grazie",
    "ti ringrazio", "la ringrazio", "bedankt", "dank je", "dank je wel", "dank u", "dank u wel",
    "dankjewel", "dankuwel", "hartelijk dank", "alvast bedankt", "veel dank", "obrigado",
    "obrigada", "muito obrigado", "muito obrigada", "agradeço", "tack", "tack så mycket",
    "stort tack", "många tack", "tusen tack", "tak", "mange tak", "tusind tak", "takk",
    "mange takk", "tusen takk", "dziękuję", "dziękujemy", "dzięki", "bardzo dziękuję",
    "wielkie dzięki", "kiitos", "paljon kiitoksia", "kiitoksia", "спасибо", "большое спасибо",
    "děkuji", "díky", "děkujeme", "teşekkürler", "teşekkür ederim", "谢谢", "多谢", "謝謝",
    "ありがとうございます", "ありがとう", "よろしくお願いします", "よろしくお願いいたします",
)  # fmt: skip
THANKS_MORE = frozenset({
    # What goes on behind a thank-you: "thanks a lot in advance, everyone".
    "a", "lot", "so", "very", "much", "in", "advance", "again", "all", "everyone", "team", "you",
    "both", "guys", "folks", "and", "bunch", "million", "dir", "ihnen", "euch", "im", "voraus",
    "nochmals", "sehr", "und", "schon", "mal", "vorab", "vielmals", "beaucoup", "bien", "d'avance",
    "par", "à", "vous", "toi", "tous", "toutes", "encore", "et", "por", "adelantado", "de",
    "antemano", "todos", "todas", "y", "mil", "anticipo", "mille", "ancora", "tutti",
    "tante", "e", "alvast", "wel", "bij", "voorbaat", "allemaal", "en", "desde", "já", "pela",
    "pelo", "så", "mycket", "på", "förhand", "för", "i", "forveien", "forhånd", "mange", "gange",
    "skal", "du", "ha", "z", "góry", "bardzo", "wszystkim", "etukäteen", "paljon", "kaikille",
    "tuhannesti",
})  # fmt: skip
THANKS_FOR = frozenset({
    "for", "für", "pour", "por", "per", "voor", "för", "za", "pela", "pelo", "od", "al", "de",
})  # fmt: skip
CLOSINGS = (
    "cheers", "best", "best regards", "kind regards", "regards", "warm regards", "with regards",
    "kindest regards", "warmest regards", "with kind regards", "with best regards", "all the best",
    "best wishes", "sincerely", "yours sincerely", "sincerely yours", "yours faithfully", "yours",
    "yours truly", "respectfully", "br", "kr", "rgds", "cordially", "take care", "talk soon",
    "gruss", "grüsse", "gruesse", "viele grüsse", "liebe grüsse", "lieben gruss", "beste grüsse",
    "schöne grüsse", "herzliche grüsse", "mit freundlichen grüssen", "mit freundlichem gruss",
    "freundliche grüsse", "freundlichen gruss", "mit besten grüssen", "besten gruss",
    "mit herzlichen grüssen", "mit freundlichen gruessen", "viele gruesse", "hochachtungsvoll",
    "mfg", "lg", "vg", "bg", "cordialement", "bien cordialement", "très cordialement",
    "bien à vous",
    "bien à toi", "cdlt", "cdt", "salutations", "salutations distinguées", "meilleures salutations",
    "sincères salutations", "amicalement", "bonne journée", "bonne soirée", "bon week-end",
    "bonne fin de journée", "bonne réception", "saludos", "un saludo", "saludos cordiales",
    "un cordial saludo", "cordiales saludos", "reciba un cordial saludo", "un abrazo", "abrazos",
    "atentamente", "atte", "cordialmente", "que tenga un buen día", "que tengas un buen día",
    "buen día", "buen fin de semana", "feliz día", "cordiali saluti", "distinti saluti", "saluti",
    "un saluto", "un caro saluto", "cari saluti", "i migliori saluti", "un cordiale saluto",
    "cordialmente", "a presto", "buona giornata", "buona serata", "buon lavoro", "buon weekend",
    "groet", "groeten", "groetjes", "met vriendelijke groet", "met vriendelijke groeten",
    "vriendelijke groet", "vriendelijke groeten", "hartelijke groet", "hartelijke groeten",
    "met hartelijke groet", "hoogachtend", "mvg", "fijne dag", "fijne dag verder", "fijn weekend",
    "prettige dag", "prettig weekend", "atenciosamente", "cumprimentos", "abraço", "abraços",
    "um abraço", "com os melhores cumprimentos", "melhores cumprimentos", "att", "saudações",
    "cordiais saudações", "bom dia", "boa tarde", "bom fim de semana", "tenha um bom dia",
    "hälsningar", "med vänliga hälsningar", "vänliga hälsningar", "vänligen", "bästa hälsningar",
    "med vänlig hälsning", "vänlig hälsning", "hälsning", "ha en bra dag", "trevlig helg", "mvh",
    "hilsen", "venlig hilsen", "med venlig hilsen", "mange hilsner", "de bedste hilsner",
    "bedste hilsner", "kærlig hilsen", "god weekend", "hav en god dag", "vh", "vennlig hilsen",
    "med vennlig hilsen", "beste hilsen", "med vennlige hilsener", "ha en fin dag", "god helg",
    "pozdrawiam", "pozdrowienia", "serdecznie pozdrawiam", "pozdrawiam serdecznie",
    "z pozdrowieniami", "z poważaniem", "z wyrazami szacunku", "miłego dnia", "udanego weekendu",
    "terveisin", "ystävällisin terveisin", "parhain terveisin", "terveiset", "yst terv",
    "hyvää päivänjatkoa", "hyvää viikonloppua", "mukavaa päivää", "с уважением", "s pozdravem",
    "s přátelským pozdravem", "saygılarımla", "saygılar", "iyi günler", "iyi çalışmalar", "此致",
    "祝好", "以上", "have a nice day", "have a good day", "have a great day", "have a good one",
    "have a nice weekend", "have a good weekend", "have a great weekend", "schönen tag",
    "schönen tag noch", "schönes wochenende", "einen schönen tag", "schönen feierabend",
)  # fmt: skip
DOUBT = frozenset({
    "but", "only", "if", "unless", "except", "instead", "however", "not", "don't", "dont", "wait",
    "after", "until", "when", "once", "provided", "change", "make", "assuming", "first", "before",
    "although", "though", "hold", "stop", "no", "without", "maximum", "limit", "half", "otherwise",
    "while", "because", "actually", "sorry", "correction", "ps", "p.s", "nb", "least", "most",
    "aber", "nur", "wenn", "falls", "ausser", "nicht", "kein", "keine", "erst", "ohne", "sondern",
    "sofern", "doch", "jedoch", "stattdessen", "vorher", "nachdem", "bevor", "solange", "höchstens",
    "mindestens", "halt", "mais", "seulement", "si", "sauf", "pas", "sans", "avant", "après",
    "quand", "sinon", "condition", "plutôt", "attendez", "attends", "ne", "pero", "solo", "sólo",
    "salvo", "sin", "cuando", "antes", "después", "excepto", "espera", "espere", "ma", "se",
    "tranne", "non", "senza", "prima", "dopo", "quando", "però", "invece", "aspetta", "maar",
    "alleen", "als", "tenzij", "niet", "geen", "zonder", "eerst", "voordat", "nadat", "wacht",
    "mas", "somente", "apenas", "exceto", "não", "sem", "depois", "caso", "men", "bara",
    "om", "endast", "inte", "innan", "utan", "vänta", "kun", "hvis", "ikke", "før", "uten", "uden",
    "vent", "bare", "dog", "ale", "tylko", "jeśli", "jeżeli", "nie", "oprócz", "bez", "zanim",
    "najpierw", "poczekaj", "mutta", "vain", "jos", "ei", "älä", "ensin", "odota", "paitsi",
    "ennen", "но", "только", "если", "не", "pokud", "ama", "sadece", "eğer",
    "max", "max.", "maximal", "pending", "later", "tomorrow", "cancel", "undo", "revert",
    "never", "später", "morgen", "stornieren", "demain", "annulez", "annuler", "mañana", "cancelar",
    "domani", "annulla", "annullare", "annuleren", "amanhã", "imorgon", "jutro",
    "huomenna", "mits", "kunhan", "mikäli", "enintään",
})  # fmt: skip
CONDITIONS = (
    # Phrases and parts of words that make a note a condition.
    "subject to", "as long as", "so long as", "condition", "in case", "given that", "once ",
    "never mind", "up to you", "bedingung", "voraussetzung", "vorausgesetzt", "vorbehalt",
    "à condition", "sous réserve", "pourvu que", "tant que", "à moins", "condición", "condicion",
    "siempre que", "siempre y cuando", "con tal", "a menos", "condizion", "purché", "a patto",
    "a meno che", "voorwaarde", "zolang", "voorbehoud", "condição", "condições", "desde que",
    "contanto que", "sempre que", "a não ser", "förutsättning", "förutsatt", "så länge",
    "villkor", "forudsætning", "forudsat", "betingelse", "så længe", "forutsetning", "forutsatt",
    "så lenge", "vilkår", "warunk", "o ile", "edellyttä", "ehdolla", "при условии", "podmínk",
)  # fmt: skip
LIMITS = (
    # Before a number.
    "up to", "at most", "for", "with", "under", "below", "less than", "more than", "over", "above",
    "bis", "bis zu", "für", "mit", "unter", "weniger als", "mehr als", "jusqu'à", "pour", "avec",
    "moins de", "plus de", "hasta", "por", "con", "menos de", "más de", "fino a", "per",
    "meno di", "più di", "tot", "voor", "met", "minder dan", "meer dan", "até", "com", "mais de",
    "upp till", "för", "med", "mindre än", "mer än", "op til", "mindre end", "mere end", "inntil",
    "opp til", "mindre enn", "mer enn", "do", "za", "z", "mniej niż", "więcej niż", "alle", "yli",
)  # fmt: skip
INSTRUCTIONS = frozenset({
    # No condition, and fine in a note; but a line below a command that holds one is no signature.
    "please", "pls", "plz", "kindly", "pay", "send", "refund", "use", "take", "set", "ask", "check",
    "add", "remove", "lower", "reduce", "raise", "increase", "cancel", "delay", "tomorrow",
    "today", "later", "now", "should", "must", "can", "could", "would", "need", "want", "let",
    "bitte", "zahl", "zahlen", "sende", "senden", "nimm", "morgen", "heute", "später", "jetzt",
    "soll", "sollte", "muss", "kann", "könnte", "svp", "stp", "s'il", "veuillez", "merci de",
    "payez", "demain", "aujourd'hui", "faut", "doit", "favor", "pague", "mañana", "hoy", "debe",
    "favore", "cortesia", "paga", "domani", "oggi", "deve", "alstublieft", "graag", "betaal",
    "vandaag", "straks", "moet", "amanhã", "hoje", "snälla", "vänligen", "betala", "imorgon",
    "idag", "venligst", "betal", "vennligst", "proszę", "zapłać", "jutro", "dziś", "dzisiaj",
    "maksa", "huomenna", "tänään", "пожалуйста", "prosím", "lütfen",
    # Amounts.
    "eur", "euro", "euros", "usd", "dollar", "dollars", "gbp", "pound", "pounds", "chf", "franken",
    "sek", "nok", "dkk", "pln", "kr", "zł", "percent", "prozent",
})  # fmt: skip
DISCLAIMERS = (
    # Seldom said by a person, often by a company. Parts of words; two in a paragraph are needed.
    "confidential", "intended recipient", "intended only", "intended solely", "intended for the",
    "privileged", "legally protected", "if you have received", "received this email in error",
    "received this e-mail in error", "received this message in error", "received it in error",
    "sent to you in error", "in error,", "not the intended", "not the addressee", "addressee",
    "unauthorized", "unauthorised", "strictly prohibited", "dissemination", "disclosure",
    "disclaimer", "registered office", "registered in", "registered number", "company number",
    "company registration", "vat number", "consider the environment", "before printing",
    "virus", "malware", "accept no liability", "no liability", "accepts no responsibility",
    "no responsibility", "views expressed", "opinions expressed", "do not necessarily",
    "monitored", "contractually binding", "legally binding", "data protection", "privacy policy",
    "privacy notice", "gdpr", "all rights reserved", "authorised and regulated",
    "authorized and regulated", "financial conduct authority", "limited liability",
    "nicht verbindlich", "nicht rechtsverbindlich", "schriftlich bestätigt",
    "vertraulich", "empfänger", "adressat", "irrtümlich", "versehentlich erhalten", "unbefugt",
    "unerlaubt", "nicht gestattet", "rechtlich geschützt", "weitergabe", "geschäftsführ",
    "handelsregister", "registergericht", "amtsgericht", "sitz der gesellschaft", "vernichten",
    "vorstand", "aufsichtsrat", "ust-id", "umsatzsteuer", "steuernummer", "hrb ", "haftung",
    "an die umwelt", "datenschutz", "viren", "ausdrucken", "pflichtangaben",
    "confidentiel", "destinataire", "par erreur", "strictement interdit", "non autorisé",
    "toute diffusion", "divulgation", "toute utilisation", "siège social", "capital social",
    "au capital de", "rcs ", "siret", "décline toute", "responsabilité", "imprimer",
    "l'environnement", "altér", "intégrité", "exclusivement à l'attention", "virus",
    "confidencial", "destinatario", "por error", "prohibid", "no autorizad", "divulgación",
    "protección de datos", "medio ambiente", "registro mercantil", "uso exclusivo", "imprimir",
    "responsable del tratamiento", "rgpd", "lopd", "derechos de acceso", "rectificación",
    "privilegiad", "difusión", "virus",
    "riservat", "destinatari", "per errore", "vietat", "non autorizzat", "divulgazione",
    "privacy", "sede legale", "partita iva", "p. iva", "capitale sociale", "codice fiscale",
    "diffusione", "stampare", "l'ambiente", "d.lgs", "regolamento ue", "trattamento dei dati",
    "vertrouwelijk", "geadresseerde", "abusievelijk", "niet voor u bestemd", "uitsluitend bestemd",
    "niet toegestaan", "verspreiding", "openbaarmaking", "openbaar te maken", "aansprakelijk",
    "kvk", "kamer van koophandel", "btw-nummer", "milieu", "rechten worden ontleend", "ontvanger",
    "onrechtmatig", "vermenigvuldiging",
    "destinatário", "por engano", "proibid", "não autorizad", "divulgação", "sigilo", "sigilos",
    "proteção de dados", "meio ambiente", "ambiente antes", "cnpj", "nipc", "lgpd", "privilegiada",
    "privilegiadas", "utilização não", "responsabiliza",
    "konfidentiell", "sekretess", "mottagare", "av misstag", "obehörig", "avsedd för",
    "avsett för", "org.nr", "organisationsnummer", "miljön", "skriver ut", "otillåt", "förbjud",
    "personuppgift", "röjande", "spridning",
    "fortrolig", "modtager", "ved en fejl", "tiltænkt", "uberettiget", "cvr", "miljøet",
    "udskriver", "videregivelse", "forbudt", "persondata", "databeskyttelse",
    "konfidensiell", "mottaker", "ved en feil", "ved en feiltakelse", "uvedkommende",
    "uautorisert", "taushetsplikt", "skriver ut", "personopplysning", "videreformidling",
    "poufn", "adresat", "omyłkow", "przez pomyłkę", "zabronion", "nieuprawni", "nieupoważni",
    "rozpowszechni", "ujawni", "krs", "regon", "kapitał zakładow", "środowisk", "wydruk",
    "drukowa", "danych osobow", "rodo", "sąd rejonowy", "przeznaczon",
    "luottamuksel", "vastaanottaja", "vahingossa", "virheellisesti", "tarkoitettu", "salassa",
    "kielletty", "luvaton", "luvattoma", "y-tunnus", "ympäristö", "tulosta", "tietosuoja",
    "paljastaminen", "levittäminen", "hävit", "hävittä",
    "конфиденциальн", "адресат", "получател", "ошибк", "důvěrn", "adresát", "omylem", "gizli",
    "alıcı", "yanlışlıkla", "保密", "收件人", "机密", "機密", "受信者", "誤って",
)  # fmt: skip
DISCLAIMERS_WEAK = (
    # Said by people, too: enough only among the others.
    "e-mail", "email", "mail", "message", "attachment", "sender", "delete", "destroy", "copy",
    "copies", "copying", "notify", "contents", "information", "company", "ltd", "limited", "vat",
    "registered", "recipient", "intended", "received", "printing", "liab", "responsib", "security",
    "transmi", "communication", "director", "chief", "nachricht", "absender", "anhang", "anhänge",
    "löschen",
    "kopier", "informier", "inhalt", "gmbh", " ag", " kg", "message", "courriel", "expéditeur",
    "pièces jointes", "supprimer", "détruire", "copie", "contenu", "mensaje", "correo", "remitente",
    "eliminar", "elimine", "borrar", "bórrelo", "destruir", "copia", "adjunt", "conteni",
    "informa", "messaggio", "mittente", "allegat", "cancella", "distrugg", "eliminar", "contenut",
    "bericht", "afzender", "bijlage", "verwijder", "vernietig", "inhoud", "gegevens",
    "mensagem", "remetente", "anexo", "apag", "elimin", "conteúdo", "meddeland", "avsändar",
    "bifog", "radera", "innehåll", "besked", "meddelelse", "afsender", "vedhæft", "slet", "indhold",
    "melding", "avsender", "vedlegg", "innhold", "wiadomoś", "nadawc", "załącznik", "usun", "usuń",
    "treś", "zawart", "informacj", "viesti", "sähköposti", "lähettäj", "liite", "liittee", "poista",
    "sisältö", "tieto", "письм", "сообщени", "отправител", "удал", "zpráv", "odesílatel",
    "mesaj", "e-posta", "邮件", "发件人", "删除", "メール", "送信者", "削除", "内容",
)  # fmt: skip
PRINTING = (
    "printing", "print this", "you print", "ausgedruckt", "ausdruck", "drucken", "imprimer",
    "imprimir", "stampare", "printen", "afdruk", "skriver ut", "udskriver", "printer",
    "drukowan", "drukuj", "wydruk", "tulosta", "umwelt", "environment", "l'environnement",
    "medio ambiente", "ambiente", "milieu", "miljö", "miljø", "środowisk", "ympäristö",
)  # fmt: skip
PRINTED = (
    "mail", "message", "nachricht", "courriel", "correo", "mensaje", "messaggio", "bericht",
    "mensagem", "meddelande", "mejl", "meddelelse", "melding", "e-post", "wiadomoś", "viesti",
    "sähköposti", "imprimer", "imprimir", "stampare", "drucken", "printing", "you print",
    "printer",
)  # fmt: skip
CONTACT = (
    "tel", "tel.", "phone", "mobile", "mobil", "cell", "fax", "telefon", "telefono", "teléfono",
    "téléphone", "tél", "portable", "móvil", "telefone", "telemóvel", "celular", "cellulare",
    "gsm", "puhelin", "puh", "tlf", "kom", "kom.", "m", "t", "p", "f", "d", "direct", "durchwahl",
    "office", "büro", "skype", "www", "web", "e-mail", "email", "linkedin",
)  # fmt: skip
COMPANIES = frozenset({
    "gmbh", "ag", "kg", "ohg", "ug", "se", "mbh", "ltd", "limited", "llc", "inc", "plc", "llp",
    "corp", "sa", "sas", "sarl", "eurl", "sl", "slu", "srl", "spa", "bv", "nv", "vof", "lda",
    "ltda", "ab", "aps", "asa", "as", "oy", "oyj", "sp", "s.a", "s.r.l", "s.p.a", "b.v", "n.v",
    "e.v", "group", "gruppe", "holding",
})  # fmt: skip
TITLES = frozenset({
    # With which what somebody is begins, be the rest of it written small.
    "head", "senior", "junior", "director", "manager", "engineer", "developer", "designer",
    "analyst", "consultant", "officer", "assistant", "accountant", "accounts", "controller",
    "partner", "president", "vice", "chief", "specialist", "coordinator", "executive", "associate",
    "administrator", "leiter", "leiterin", "leitung", "teamleiter", "teamleiterin", "referent",
    "referentin", "abteilung", "bereich", "geschäftsführer", "geschäftsführerin", "prokurist",
    "prokuristin", "sachbearbeiter", "sachbearbeiterin", "assistenz", "directeur", "directrice",
    "responsable", "chef", "cheffe", "chargé", "chargée", "gérant", "gérante", "assistante",
    "comptable", "directora", "jefe", "jefa", "gerente", "encargado", "encargada", "contable",
    "responsabile", "direttore", "direttrice", "addetto", "addetta", "hoofd", "directie",
    "medewerker", "diretor", "diretora", "chefe", "contabilista", "avdelningschef", "direktör",
    "direktør", "ekonomichef", "johtaja", "päällikkö", "kierownik", "kierowniczka", "dyrektor",
    "dyrektorka",
})  # fmt: skip
PARTICULARS = (
    # Of a company: two of them, and it is a line that the law asks for.
    "registered office", "registered in", "registered number", "company number", "vat number",
    "authorised by", "regulated by", "sitz der gesellschaft", "amtsgericht", "registergericht",
    "handelsregister", "hrb ", "geschäftsführ", "vorstand", "aufsichtsrat", "ust-id", "ust.-id",
    "steuernummer", "siège social", "capital social", "au capital", "rcs ", "siret", "siren",
    "registro mercantil", "c.i.f", "cif ", "nif ", "sede legale", "partita iva", "p. iva", "p.iva",
    "codice fiscale", "capitale sociale", "kamer van koophandel", "kvk", "btw", "algemene voorw",
    "cnpj", "nipc", "org.nr", "org. nr", "organisationsnummer", "cvr", "krs", "regon", "nip ",
    "kapitał zakładow", "sąd rejonowy", "y-tunnus", "ico:", "dič",
)  # fmt: skip
PRIVACY = (
    "privacy", "datenschutz", "données personnelles", "protección de datos", "protezione dei dati",
    "proteção de dados", "personuppgift", "persondata", "personoplysning", "privatlivspolitik",
    "personopplysning", "personvern", "danych osobowych", "tietosuoja", "gdpr", "rgpd",
)  # fmt: skip
SCANNERS = ("avast", "avg ", "mimecast", "mcafee", "sophos", "norton", "mailguard", "barracuda")
LABELS = frozenset({
    "confidential", "strictly confidential", "internal", "internal use only", "internal only",
    "for internal use only", "public", "restricted", "general", "vertraulich", "streng vertraulich",
    "intern", "nur für den internen gebrauch", "öffentlich", "confidentiel", "interne",
    "usage interne", "confidencial", "interno", "uso interno", "riservato", "vertrouwelijk",
    "konfidentiellt", "fortroligt", "fortrolig", "poufne", "wewnętrzne", "luottamuksellinen",
    "sisäinen", "internt",
})  # fmt: skip
LABELLED = (
    "classification:", "sensitivity:", "klassifizierung:", "vertraulichkeit:", "classificatie:",
    "clasificación:", "classificazione:", "classificação:", "klassificering:", "klasyfikacja:",
    "information classification:", "tlp:",
)  # fmt: skip
OPENINGS = (
    "this e-mail", "this email", "this message", "this mail", "this communication",
    "this transmission", "the information", "the contents", "the content of", "information in this",
    "e-mail communication", "if you are not", "if you have received", "confidential",
    "disclaimer", "legal notice", "notice:", "important notice", "privileged", "diese e-mail",
    "diese mail", "diese nachricht", "der inhalt dieser", "die information", "hinweis", "dieses",
    "wenn sie nicht", "sollten sie nicht", "pflichtangaben", "ce message", "ce courriel",
    "cet e-mail", "cet email", "cette communication", "ce mail", "les informations", "avis de conf",
    "si vous n", "le contenu", "l'intégrité", "op al onze", "irs circular", "hinweise",
    "este mensaje", "este correo", "aviso", "la información",
    "si usted no", "si ha",
    "advertencia", "questo messaggio", "questa e-mail", "questa mail", "la presente", "il presente",
    "le informazioni", "il contenuto", "avvertenz", "ai sensi", "se avete", "dit bericht",
    "aan dit bericht",
    "deze e-mail", "dit e-mail", "deze mail", "de informatie", "de inhoud", "indien u niet",
    "esta mensagem", "este e-mail", "este email", "a informação", "as informações", "o conteúdo",
    "se você não", "detta meddelande", "detta e-postmeddelande", "detta mejl", "det här",
    "denna e-post", "innehållet", "informationen", "om du inte", "denne e-mail", "denne mail",
    "denne besked", "denne meddelelse", "indholdet", "denne e-posten", "denne meldingen",
    "dette er", "innholdet", "informasjonen", "dersom du", "hvis du ikke", "ta wiadomość",
    "niniejsza", "niniejszy", "wiadomość", "treść", "informacje", "jeśli nie", "jeżeli nie",
    "tämä viesti", "tämä sähköposti", "viestin", "sähköposti", "mikäli", "jos et",
    "это сообщение", "tato zpráva", "bu e-posta", "bu mesaj", "本邮件", "このメール",
)  # fmt: skip
CONTRADICTIONS = frozenset({
    "but", "however", "actually", "sorry", "wait", "no", "only", "ps", "aber", "jedoch", "doch",
    "nur", "mais", "seulement", "pero", "sólo", "solo", "ma", "però", "maar", "alleen", "mas",
    "apenas", "men", "bara", "kun", "bare", "ale", "tylko", "mutta", "vain", "но", "только",
})  # fmt: skip
AMOUNTS = (
    "€", "$", "£", " eur", " usd", " gbp", " chf", " euro", " dollar", " sek", " nok", " dkk",
    " pln", " zł", "%",
)  # fmt: skip
