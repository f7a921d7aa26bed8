"""What stands below a command: thanks, signatures, disclaimers are nothing, the rest asks back."""

from __future__ import annotations

import pytest

from hitl_mail.review.banners import is_banner, skip_banners
from hitl_mail.review.closing import closes, doubtful, is_command, nothing
from hitl_mail.review.disclaimers import is_disclaimer, is_label
from hitl_mail.review.reply import Reply, read_command, read_reply
from tests.mails import TOKENS, reply


def below(text: str, separated: str) -> Reply:
    return read_command(f"approve{separated}{text}".split("\n"), "Ada Lovelace")


NOTES = [
    "as discussed",
    "looks good",
    "checked with finance, all good",
    "matches invoice 4711",
    "wie besprochen",
    "comme convenu",
    "según lo acordado",
    "come concordato",
    "zoals besproken",
    "conforme combinado",
    "enligt överenskommelse",
    "som aftalt",
    "som avtalt",
    "zgodnie z ustaleniami",
    "kuten sovittu",
    "please go ahead",
    "ok for me",
    "customer was charged twice",
    "50 EUR refund is correct",
    "Kulanz, Kunde seit 2010",
]
CONDITIONS = [
    "approve, but only 20",
    "approve, aber nur 20",
    "approve mais seulement 20",
    "approve pero solo 20",
    "approve ma solo 20",
    "approve maar alleen 20",
    "approve mas só 20",
    "approve men bara 20",
    "approve ale tylko 20",
    "approve mutta vain 20",
    "approve: aber nur 20",
    "approve: mais seulement 20",
    "approve: pero solo 20",
    "approve: sólo si Bob está de acuerdo",
    "approve: solo se Bob è d'accordo",
    "approve: alleen als Bob akkoord is",
    "approve: só se o Bob concordar",
    "approve: bara om Bob håller med",
    "approve: kun hvis Bob er enig",
    "approve: tylko jeśli Bob się zgodzi",
    "approve: vain jos Bob on samaa mieltä",
    "approve: wenn Bob zustimmt",
    "approve: si Bob est d'accord",
    "approve: under the condition that Bob agrees",
    "approve: up to 20",
    "approve: with 20 instead",
    "approve: for 20",
    "approve: make it 20",
    "approve: 20 EUR",
    "approve: change amount to 20",
    "approve: subject to Bob's ok",
    "approve: pending Bob",
    "approve: provided it is 20",
    "approve: as long as it is under 20",
    "approve: not more than 20",
    "approve: unter der Bedingung, dass Bob zustimmt",
    "approve: sofern Bob zustimmt",
    "approve: à condition que Bob soit d'accord",
    "approve: con la condición de que Bob esté de acuerdo",
    "approve: a condizione che Bob sia d'accordo",
    "approve: op voorwaarde dat Bob akkoord is",
    "approve: desde que o Bob concorde",
    "approve: under förutsättning att Bob godkänner",
    "approve: på betingelse af at Bob godkender",
    "approve: under forutsetning av at Bob godkjenner",
    "approve: pod warunkiem, że Bob się zgodzi",
    "approve: edellyttäen, että Bob hyväksyy",
    "approve: max. 20",
    "approve: höchstens 20",
    "approve: maximal 20",
    "approve: hasta 20",
    "approve: jusqu'à 20",
    "approve: fino a 20",
    "approve: tot 20",
    "approve: até 20",
    "approve: upp till 20",
    "approve: op til 20",
    "approve: inntil 20",
    "approve: do 20",
    "approve: enintään 20",
    "approve: except for Bob's",
    "approve: reject the second",
    "approve: then reject",
    "approve: later",
    "approve: tomorrow",
    "approve: hold on",
    "approve: if",
    "approve: no",
    "approve: cancel that",
    "approve: never mind",
]
SEPARATED = pytest.mark.parametrize("separated", ["\n", "\n\n"], ids=["below", "apart"])


@SEPARATED
@pytest.mark.parametrize(
    "text",
    [
        "This message (including any attachments) contains confidential information "
        "intended for a specific individual and purpose, and is protected by law. If you "
        "are not the intended recipient, you should delete this message. Any disclosure, "
        "copying, or distribution of this message, or the taking of any action based on "
        "it, is strictly prohibited.",
        "This email is confidential.",
        "Please consider the environment before printing this e-mail.",
        "The information contained in this communication is intended solely for the use "
        "of the individual or entity to whom it is addressed and others authorized to "
        "receive it. It may contain confidential or legally privileged information. If "
        "you are not the intended recipient you are hereby notified that any disclosure, "
        "copying, distribution or taking any action in reliance on the contents of this "
        "information is strictly prohibited and may be unlawful. If you have received "
        "this communication in error, please notify us immediately by responding to this "
        "email and then delete it from your system. Acme is neither liable for the "
        "proper and complete transmission of the information contained in this "
        "communication nor for any delay in its receipt.",
        "Acme Inc. | 100 Main Street, Springfield, IL 62701 | +1 555 123 4567",
        "Ada Lovelace\n"
        "Chief Financial Officer\n"
        "Acme GmbH\n"
        "Hauptstraße 12\n"
        "10115 Berlin\n"
        "T +49 30 1234567\n"
        "www.acme.example\n"
        "\n"
        "Sitz der Gesellschaft: Berlin | Amtsgericht Charlottenburg, HRB 12345 B\n"
        "Geschäftsführer: Dr. Max Muster, Eva Beispiel\n"
        "USt-IdNr.: DE123456789",
        "Diese Nachricht ist vertraulich. Sie ist ausschließlich für den im Adressfeld "
        "ausgewiesenen Adressaten bestimmt. Sollten Sie nicht der vorgesehene Empfänger "
        "sein, so bitten wir um eine kurze Nachricht. Jede unbefugte Weiterleitung, "
        "Vervielfältigung oder sonstige Verwendung ist nicht gestattet. Da wir nicht die "
        "Echtheit oder Vollständigkeit der in dieser Nachricht enthaltenen Informationen "
        "garantieren können, schließen wir die rechtliche Verbindlichkeit der "
        "vorstehenden Erklärungen und Äußerungen aus.",
        "Bitte prüfen Sie, ob diese Mail wirklich ausgedruckt werden muss!",
        "Informationen zum Datenschutz finden Sie unter https://www.acme.example/datenschutz",
        "Ce courriel et ses pièces jointes peuvent contenir des informations "
        "confidentielles ou privilégiées et ne doivent donc pas être diffusés, exploités "
        "ou copiés sans autorisation. Si vous avez reçu ce message par erreur, veuillez "
        "le signaler à l'expéditeur et le détruire ainsi que les pièces jointes. Les "
        "messages électroniques étant susceptibles d'altération, Acme décline toute "
        "responsabilité si ce message a été altéré, déformé ou falsifié. Merci.",
        "Pensez à l'environnement avant d'imprimer ce message.",
        "AVISO LEGAL: La información contenida en este correo electrónico, y en su caso "
        "en los documentos adjuntos, es información privilegiada para uso exclusivo de "
        "la persona y/o personas a las que va dirigida. No está permitido el acceso a "
        "este mensaje a cualquier otra persona distinta a los indicados. Si Usted no es "
        "uno de los destinatarios, cualquier duplicación, reproducción, distribución, "
        "así como cualquier uso de la información contenida en él o cualquiera otra "
        "acción u omisión tomada en relación con el mismo, está prohibida y puede ser "
        "ilegal. En dicho caso, por favor, notifíquelo al remitente y proceda a la "
        "eliminación de este correo electrónico, así como de sus adjuntos si los "
        "hubiere. En cumplimiento del Reglamento (UE) 2016/679 (RGPD) le informamos que "
        "sus datos están siendo objeto de tratamiento por parte de Acme S.L. con la "
        "finalidad del mantenimiento y gestión de relaciones comerciales. Puede ejercer "
        "los derechos de acceso, rectificación y supresión dirigiéndose a C/ Mayor 1, "
        "28013 Madrid.",
        "Il presente messaggio e gli eventuali allegati sono di natura confidenziale e "
        "riservata. Qualora vi fosse pervenuto per errore, vi preghiamo di cancellarlo "
        "immediatamente dal vostro sistema e avvisare il mittente. Ai sensi del D.Lgs. "
        "196/2003 e del Regolamento UE 679/2016 (GDPR) si precisa che le informazioni "
        "contenute in questo messaggio sono riservate ed a uso esclusivo del "
        "destinatario.",
        "Prima di stampare, pensa all'ambiente.",
        "De informatie verzonden met dit e-mailbericht is uitsluitend bestemd voor de "
        "geadresseerde(n) en kan vertrouwelijke informatie bevatten. Gebruik van deze "
        "informatie door anderen dan de geadresseerde is verboden. Openbaarmaking, "
        "vermenigvuldiging, verspreiding en/of verstrekking van deze informatie aan "
        "derden is niet toegestaan. Acme staat niet in voor de juiste en volledige "
        "overbrenging van de inhoud van een verzonden e-mailbericht, noch voor tijdige "
        "ontvangst daarvan.",
        "Aan dit bericht kunnen geen rechten worden ontleend.",
        "A informação contida nesta mensagem e em seus anexos é confidencial e de uso "
        "exclusivo de seu destinatário. Se você recebeu esta mensagem por engano, queira "
        "por favor informar o remetente e apagá-la. O uso não autorizado de seu conteúdo "
        "é proibido e sujeito às penalidades cabíveis.",
        "Antes de imprimir, pense no meio ambiente.",
        "Detta e-postmeddelande kan innehålla konfidentiell information. Om du inte är "
        "den avsedda mottagaren, vänligen informera avsändaren och radera meddelandet. "
        "Läs om hur vi behandlar dina personuppgifter på www.acme.se/gdpr",
        "Tänk på miljön innan du skriver ut detta mejl.",
        "Denne e-mail med eventuelle vedhæftede filer er fortrolig og må ikke læses "
        "eller videregives af andre end den rette modtager. Er du ikke rette modtager, "
        "bedes du kontakte afsender og slette mailen.",
        "Denne meldingen kan inneholde taushetsbelagt informasjon. Hvis du ikke er rett "
        "mottaker, ber vi deg slette e-posten og varsle avsenderen.",
        "Treść tej wiadomości zawiera informacje przeznaczone tylko dla adresata. Jeżeli "
        "nie jesteście Państwo jej adresatem, bądź otrzymaliście ją przez pomyłkę, "
        "prosimy o powiadomienie o tym nadawcy oraz trwałe jej usunięcie. "
        "Administratorem danych osobowych jest Acme S.A. z siedzibą w Warszawie.",
        "Tämä sähköpostiviesti ja sen liitteet saattavat sisältää luottamuksellista "
        "tietoa. Mikäli ette ole viestin oikea vastaanottaja, pyydämme teitä "
        "ilmoittamaan asiasta lähettäjälle ja tuhoamaan viestin. Viestin luvaton "
        "julkaiseminen, kopiointi, jakelu tai muu käyttö on kielletty.",
        "Internal Use Only",
        "Classification: Public",
        "Thanks so much!",
        "Thanks for the quick turnaround",
        "Thank you very much, everyone",
        "Merci beaucoup pour votre aide",
        "Danke dir",
        "Vielen Dank und viele Grüße\nAda",
        "Danke & Gruß\nAda",
        "LG Ada",
        "Best,\nA.",
        "Cheers, Ada",
        "Mit freundlichen Grüßen / Best regards\n\ni. A. Ada Lovelace\nLeiterin Buchhaltung",
        "Med vänlig hälsning / Best regards\n"
        "Ada Lovelace\n"
        "Ekonomichef\n"
        "Acme AB\n"
        "Box 123, 111 22 Stockholm\n"
        "Mobil: 070-123 45 67",
        "Pozdrawiam / Best regards,\nAda Lovelace\nDyrektor finansowy\ntel. 22 123 45 67",
        "Cordiali saluti,\n"
        "\n"
        "Dott.ssa Ada Lovelace\n"
        "Responsabile amministrativa\n"
        "Via Roma 1 - 20121 Milano\n"
        "Tel. 02 1234567",
        "Saludos\n\nAda Lovelace\nDirectora financiera\nMóvil 600 123 456",
        "Tack!\n/Ada",
        "Mvh Ada",
        "Kiitos!\n\nTerv. Ada",
        "🙏",
        "Thanks 🙂",
        "Best regards,\n"
        "\n"
        "*Ada Lovelace*\n"
        "Chief Financial Officer | Acme Ltd\n"
        "M: +44 7700 900123 | E: ada@acme.example\n"
        "[cid:image001.png@01DA]",
        "Thanks,\nAda\n\nAda Lovelace (she/her)\nHead of Finance\nFollow us on LinkedIn",
        "[image: Acme logo]",
        "NOTICE: This e-mail may contain privileged and/or confidential material for the "
        "sole use of the intended recipient. Any review, use, distribution or disclosure "
        "by others is strictly prohibited.",
        "This transmission is intended only for the use of the addressee and may contain "
        "information that is privileged. Unintended transmission shall not constitute "
        "waiver of any privilege.",
        "The views expressed in this email are those of the author and do not "
        "necessarily reflect those of the company. Please note that we may monitor "
        "e-mails. Although we have taken steps to ensure this email is free from "
        "viruses, we advise that you check it is actually virus free.",
        "Acme Bank plc is authorised by the Prudential Regulation Authority and "
        "regulated by the Financial Conduct Authority. Registered in England No. "
        "1234567. Registered Office: 1 Bank Street, London E1 1AA.",
        "Der Inhalt dieser E-Mail ist ausschließlich für den bezeichneten Adressaten "
        "bestimmt. Wenn Sie nicht der vorgesehene Adressat dieser E-Mail oder dessen "
        "Vertreter sein sollten, so beachten Sie bitte, dass jede Form der "
        "Kenntnisnahme, Veröffentlichung, Vervielfältigung oder Weitergabe des Inhalts "
        "dieser E-Mail unzulässig ist. Wir bitten Sie, sich in diesem Fall mit dem "
        "Absender der E-Mail in Verbindung zu setzen.",
        "Acme AG, Musterstraße 1, 80331 München\n"
        "Vorsitzender des Aufsichtsrats: Dr. Hans Beispiel\n"
        "Vorstand: Eva Muster (Vors.), Karl Probe\n"
        "Sitz der Gesellschaft: München, Registergericht: Amtsgericht München HRB 98765",
        "Hinweise zum Datenschutz unter www.acme.example/datenschutz",
        "Haftungsausschluss: Die Inhalte dieser E-Mail sind nicht rechtsverbindlich. "
        "Eine Haftung für Viren wird nicht übernommen.",
        "Le contenu de ce message et ses pièces jointes sont strictement réservés aux "
        "personnes ou entités auxquelles ils sont adressés. Si vous n'êtes pas le "
        "destinataire, merci de le détruire et de prévenir l'expéditeur.",
        "Este mensaje se dirige exclusivamente a su destinatario y puede contener "
        "información privilegiada o confidencial. Si no es vd. el destinatario indicado, "
        "queda notificado de que la lectura, utilización, divulgación y/o copia sin "
        "autorización puede estar prohibida en virtud de la legislación vigente. Si ha "
        "recibido este mensaje por error, le rogamos que nos lo comunique inmediatamente "
        "por esta misma vía y proceda a su destrucción.",
        "No imprimas este correo si no es necesario. Protejamos el medio ambiente.",
        "Questo messaggio di posta elettronica contiene informazioni di carattere "
        "confidenziale rivolte esclusivamente al destinatario sopra indicato. E' vietato "
        "l'uso, la diffusione, distribuzione o riproduzione da parte di ogni altra "
        "persona. Nel caso aveste ricevuto questo messaggio di posta elettronica per "
        "errore, siete pregati di segnalarlo immediatamente al mittente e distruggere "
        "quanto ricevuto (compresi i file allegati) senza farne copia.",
        "Rispetta l'ambiente: non stampare questa mail se non è necessario.",
        "Dit e-mailbericht en de eventuele bijlagen zijn uitsluitend bestemd voor de "
        "geadresseerde(n). Verstrekking aan en gebruik door anderen is niet toegestaan. "
        "Acme sluit iedere aansprakelijkheid uit die voortvloeit uit elektronische "
        "verzending.",
        "Op al onze diensten zijn onze algemene voorwaarden van toepassing, gedeponeerd "
        "bij de Kamer van Koophandel te Amsterdam onder nummer 12345678.",
        "Esta mensagem pode conter informação confidencial ou privilegiada, sendo seu "
        "sigilo protegido por lei. Se você não for o destinatário ou a pessoa autorizada "
        "a receber esta mensagem, não pode usar, copiar ou divulgar as informações nela "
        "contidas ou tomar qualquer ação baseada nessas informações. Se você recebeu "
        "esta mensagem por engano, por favor, avise imediatamente ao remetente, "
        "respondendo o e-mail e em seguida apague-a. Agradecemos sua cooperação.",
        "Det här meddelandet och eventuella bilagor är avsedda endast för mottagaren och "
        "kan innehålla sekretessbelagd information. Om du mottagit det av misstag, "
        "vänligen kontakta avsändaren och ta bort meddelandet.",
        "Acme behandler personoplysninger i overensstemmelse med "
        "databeskyttelsesforordningen. Læs mere i vores privatlivspolitik på www.acme.dk.",
        "Denne e-mail kan indeholde fortrolige oplysninger. Hvis du ikke er den "
        "tiltænkte modtager, bedes du straks underrette afsenderen og slette e-mailen.",
        "E-posten kan inneholde konfidensiell informasjon. Har du mottatt denne ved en "
        "feiltakelse, vennligst gi beskjed til avsender og slett e-posten.",
        "Informacja zawarta w tej wiadomości jest poufna i objęta tajemnicą. "
        "Przeznaczona jest wyłącznie dla adresata. Jeśli nie są Państwo jej zamierzonym "
        "odbiorcą, prosimy o niezwłoczne skontaktowanie się z nadawcą i usunięcie "
        "wiadomości z systemu.",
        "Acme Sp. z o.o. z siedzibą w Warszawie, ul. Prosta 1, 00-001 Warszawa, wpisana "
        "do rejestru przedsiębiorców prowadzonego przez Sąd Rejonowy dla m.st. Warszawy "
        "pod nr KRS 0000012345, NIP 1234567890, REGON 123456789, kapitał zakładowy 100 "
        "000 zł.",
        "Tämä viesti liitteineen on tarkoitettu vain sen vastaanottajalle. Jos olet "
        "saanut viestin vahingossa, pyydämme ilmoittamaan siitä lähettäjälle ja "
        "tuhoamaan viestin.",
        "Käsittelemme henkilötietoja tietosuojaselosteemme mukaisesti: www.acme.fi/tietosuoja",
        "Disclaimer\n"
        "The content of this email is confidential and intended for the recipient "
        "specified in message only. It is strictly forbidden to share any part of this "
        "message with any third party, without a written consent of the sender. If you "
        "received this message by mistake, please reply to this message and follow with "
        "its deletion, so that we can ensure such a mistake does not occur in the future.",
        "CONFIDENTIALITY NOTICE: This email and any attachments are for the exclusive "
        "and confidential use of the intended recipient. If you are not the intended "
        "recipient, please do not read, distribute or take action based on this message.\n"
        "\n"
        "This email was scanned by Acme MailGuard. For more information visit "
        "https://acme.example\n"
        "\n"
        "Acme Ltd is a company registered in Ireland with company number 123456.",
        "This email has been scanned for viruses and malware, and may have been "
        "automatically archived by Mimecast Ltd.",
        "Virus-free. www.avast.com",
        "This email has been checked for viruses by Avast antivirus software.\nwww.avast.com",
        "Diese E-Mail wurde von Avast Antivirus-Software auf Viren geprüft.",
        "Thank you in advance for your help.",
        "Many thanks and best wishes\nAda",
        "Thanks again!\nAda x",
        "Mit besten Grüßen aus Berlin\nAda Lovelace",
        "Viele Grüße aus München\n\nAda",
        "Bien cordialement,\n"
        "*Ada LOVELACE*\n"
        "Directrice Administrative et Financière\n"
        "06 12 34 56 78",
        "Thanks,\nAda\n--\nAda Lovelace\nCFO",
        "Regards,\n"
        "Ada Lovelace | CFO\n"
        "d +1 (555) 123-4567 | m +1 (555) 765-4321\n"
        "ada@acme.example | acme.example",
        "Bedankt en groetjes",
        "Merci et bonne journée",
        "Danke und schönen Tag noch!",
        "Gracias y un saludo",
        "Grazie e buona giornata",
        "Obrigada e bom fim de semana",
        "Tack och ha en bra dag",
        "Tak og god weekend",
        "Dziękuję i pozdrawiam",
        "Kiitos ja hyvää viikonloppua",
    ],
)
def test_courtesies_and_particulars_are_nothing(text: str, separated: str) -> None:
    found = below(text, separated)
    assert (found.key, found.verb, found.note) == ("decision", "approve", "")
    found = read_reply(reply(f"approve{separated}{text}"), TOKENS.is_ours)
    assert (found.key, found.verb, found.note) == ("decision", "approve", "")


@SEPARATED
@pytest.mark.parametrize(
    "text",
    [
        "Sent with the condition that only Bob sees it",
        "Please tell approvals@example.com that 20 are enough",
        "This sender is allowed 20",
        "The intended recipient is not the addressee, so use 20",
        "Please check that the recipient got the message since the registered office of "
        "that company has moved, and then pay",
        "Is the information in this message confidential?",
        "The attachment has the wrong amount, see the information in the email of the sender",
        "--- but only 20 ---",
        "====\nbut only 20",
        "Mit freundlichen Grüßen\nAda\n\nAber nur 20",
        "Danke! Aber nur 20.",
        "Ada, but only 20",
        "Thanks, Bob should approve too",
        "Best, and only 20",
        "I mean reject",
        "no",
        "Nein",
        "stop",
        "undo",
        "Reject",
        "*reject*",
        "reject because no",
        "approve",
        "ok",
        "cc: Bob",
        "FYI Bob",
        "20.00",
        "amount = 20",
        "Make it 20.",
        "Thanks\n\nPlease pay 20 EUR",
        "Thanks, but only half",
        "Best\nAda\nonly 20",
        "This is confidential: pay 20 EUR",
        "But note the disclosure to the recipient must be limited to 20 EUR",
        "Attention: only 20",
        "Achtung: nur 20 EUR",
        "P.S. Only when Bob agrees.",
        "Thanks\n\nTwenty reichen.",
        "Danke, bitte nur die Hälfte",
        "Merci de ne payer que 20",
        "Thanks for paying only 20",
        "Thanks for checking with Bob first",
        "If the recipient is not a customer, do not send the message.",
        "Bob has to confirm too",
        "Let's do the rest tomorrow",
        "as long as Bob is fine",
        "Best regards\nAda\n\nOne more thing: reduce it to 20",
        "Ada\n\nPS: wait for Bob",
        "Thanks\nAda\n\nIs this the right customer?",
        "Important: check the attachment, link and sender before",
        "Warning: this may only be paid to the organisation outside",
        "+49 30 1234567 is the number to call before paying",
        "20",
        "20 EUR",
        "€20",
        "Dear Bob, the information in this message is wrong",
        "No wait",
        "Grazie, ma solo 20",
        "Dziękuję, ale tylko 20",
        "Kiitos, mutta vain 20",
        "Tack, men bara 20",
        "Obrigada, mas só 20",
        "Gracias, pero solo la mitad",
        "Thanks! Twenty only.",
    ],
)
def test_whatever_could_be_a_condition_asks_back(text: str, separated: str) -> None:
    assert (below(text, separated).key, below(text, separated).verb) == ("ambiguous", None)
    found = read_reply(reply(f"approve{separated}{text}"), TOKENS.is_ours)
    assert (found.key, found.verb) == ("ambiguous", None)


@pytest.mark.parametrize("note", NOTES)
def test_a_note_that_is_no_condition_is_taken(note: str) -> None:
    found = read_command([f"approve: {note}"])
    assert (found.verb, found.note) == ("approve", note)


@pytest.mark.parametrize("text", CONDITIONS)
def test_a_condition_in_the_line_itself_asks_back(text: str) -> None:
    assert (read_command([text]).key, read_command([text]).verb) == ("ambiguous", None)


def test_a_disclaimer_whose_sentences_are_paragraphs_is_nothing() -> None:
    """As programs write text that made a paragraph of each line; in two languages."""
    parts = [
        "This e-mail and any attachments are confidential and intended solely for the addressee.",
        "Please note that any views or opinions presented in this email are solely those of the "
        "author and do not necessarily represent those of the company.",
        "Example Ltd, registered in England and Wales, number 1234567.",
        "Diese E-Mail enthält vertrauliche und rechtlich geschützte Informationen.",
        "Wir weisen darauf hin, dass per E-Mail abgegebene Erklärungen rechtlich nicht verbindlich "
        "sind, sofern sie nicht schriftlich bestätigt werden.",
        "Geschäftsführer: Dr. Max Mustermann, Erika Beispiel",
    ]
    assert read_command("\n\n".join(["approve", *parts]).split("\n")).verb == "approve"


@pytest.mark.parametrize(
    ("line", "anybody", "ada"),
    [
        ("Thanks", True, True),
        ("Thanks, Bob", True, True),
        ("Thanks, ada lovelace", False, True),
        ("*Best regards.* - Ada", True, True),
        ("Thanks 500", False, False),
        ("Thanks?", False, False),
        ("Thanks, ok " * 12, False, False),
        ("Ada Lovelace", False, False),
        ("Thanks, but not for Bob", False, False),
        ("Merci d’avance", True, True),
        ("Gracias por adelantado", True, True),
        ("Thanks for all", True, True),
        ("thanks Ada", True, True),
        ("Best regards Ada", True, True),
        ("Thanks, B", True, True),
        ("Thanks, 李明", True, True),
        ("Thanks Ada King Byron", True, True),
        ("Thanks Ada King Byron Lovelace", False, False),
        ("Thanks for one two three four five six seven", True, True),
        ("Thanks for one two three four five six seven eight", False, False),
        ("Thanks so refuse Ada", False, False),
        ("Gracias por la ayuda", True, True),
        ("Obrigada pela ajuda", True, True),
        ("Gracias por no pagar", False, False),
        ("Thanks, eBob", False, False),
        ("Best regards from", False, False),
        ("Thanks" + "!" * 114, True, True),
        ("Thanks" + "!" * 115, False, False),
        ("Tak og betal det halve", False, False),
        ("Thanks perhaps best regards", False, False),
    ],
)
def test_a_closing_is_thanks_with_names_and_nothing_else(
    line: str, anybody: bool, ada: bool
) -> None:
    assert (closes(line, ""), closes(line, "Ada Lovelace")) == (anybody, ada)


@pytest.mark.parametrize(
    ("note", "asks"),
    [
        ("---", True), ("!!", True), ("👍", False), ("", False), ("fine", False), ("fine?", True),
        ("40", True), ("€ 20", True), ("20,- EUR", True), ("500 zł", True), ("EUR 20", True),
        ("USD 1,000.00", True), ("20-30", True), ("order 40 is old", False), ("order 40", False),
    ],
)  # fmt: skip
def test_a_note_without_a_word_might_mean_anything(note: str, asks: bool) -> None:
    assert doubtful(note) is asks


NOTHINGS = {
    "a closing": ["Thanks!"],
    "a name": ["Ada Lovelace"],
    "a picture": ["[cid:logo.png]"],
    "a rule": ["--"],
    "a signature": ["Thanks!", "Ada Lovelace", "Head of Refunds", "Tel. +49 30 1234567"],
}


@pytest.mark.parametrize("name", NOTHINGS)
def test_below_what_means_nothing_every_line_is_looked_at(name: str) -> None:
    lines = NOTHINGS[name]
    assert nothing([lines], "Ada Lovelace")
    assert nothing([lines, lines], "Ada Lovelace")
    for more in ("pay only half of it", "reject"):
        assert not nothing([[*lines, more]], "Ada Lovelace")
        assert not nothing([lines, [more]], "Ada Lovelace")


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("approve", True),
        ("*Approve!*", True),
        ("Reject:", True),
        ("approve: fine", True),
        ("approve, but less", True),
        ("approve. Thanks", True),
        ("approved", False),
        ("reject it", False),
        ("please approve", False),
    ],
)
def test_a_line_is_a_command_by_itself_or_before_a_mark(line: str, is_one: bool) -> None:
    assert is_command(line) is is_one


@pytest.mark.parametrize("line", ["???", "XX", "X", "ada king ada king ada", "Ada 20"])
def test_what_holds_no_name_is_none(line: str) -> None:
    assert not nothing([[line]], "Ada King")
    assert nothing([["ada king ada king"]], "Ada King")


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("Tel. 12 34 5", False),
        ("Tel. 12 34 56", True),
        ("12 34 56", True),
        ("Rechnung 12 34 56", False),
        ("ftp://example.com", True),
        ("ada@example.com" + " aa" * 15, True),
        ("ada@example.com" + " aa" * 16, False),
    ],
)
def test_a_number_to_call_has_six_figures_and_a_page_a_scheme(line: str, is_one: bool) -> None:
    assert nothing([["Thanks"], [line]], "") is is_one


@pytest.mark.parametrize(("more", "signed"), [(11, True), (12, False)])
def test_a_company_with_a_page_signs_in_a_short_line(more: int, signed: bool) -> None:
    line = "Example GmbH www.example.com" + " aa" * more
    assert nothing([[line, "Head of Refunds"]], "") is signed


def test_a_number_alone_asks_back_and_one_with_its_company_is_a_signature() -> None:
    assert not nothing([["Tel. +49 30 1234567", "Wednesday In Berlin"]], "")
    assert nothing([["Example GmbH", "Tel. +49 30 1234567", "Friedrichstrasse 1"]], "")


def test_a_name_below_a_wrapped_note_is_no_part_of_it() -> None:
    lines = ["approve: looks fine", "to me", "ada lovelace"]
    assert read_command(lines, "Ada Lovelace").note == "looks fine to me"


@pytest.mark.parametrize(
    ("text", "a_server_s"),
    [
        ("[EXTERNAL] This email originated from outside. Do not click links.", True),
        ("Caution: the customer wrote from outside our organization; open no attachment.", False),
        ("[EXTERNAL] This email originated from outside.", False),
    ],
)
def test_a_warning_is_nothing_only_in_words_that_no_person_begins_with(
    text: str, a_server_s: bool
) -> None:
    assert nothing([[text]], "Ada Lovelace") is a_server_s


def test_a_company_or_a_number_in_a_paragraph_lets_its_lines_hold_figures() -> None:
    assert nothing([["Thanks"], ["Room 4711", "Example GmbH"]], "")
    assert not nothing([["Thanks"], ["Room 4711", "Somewhere"]], "")


DISCLAIMERS = [
    "This e-mail is confidential and intended solely for the addressee.",
    "This e-mail and any attachments are confidential and intended solely for the addressee. If "
    "you are not the intended recipient please notify the sender.",
    "--\nDiese E-Mail enthält vertrauliche und rechtlich geschützte Informationen. Wenn Sie nicht "
    "der richtige Adressat sind, informieren Sie bitte den Absender und vernichten Sie diese Mail.",
]


@pytest.mark.parametrize("disclaimer", DISCLAIMERS)
@pytest.mark.parametrize("separated", ["\n", "\n\n"])
@pytest.mark.parametrize(
    "text",
    [
        "pay only 20 of it",
        "send it to Bob instead",
        "half of it is enough",
        "do it next week.",
        "copy Bob",
        "delete the old one too",
        "mail me a copy first",
        "the information is wrong.",
        "erst nächste Woche",
        "pay the first part now, and the other when they have delivered all the goods",
        "the information she gave us about the refund is wrong",
        "copy the mail and its attachment to Bob as well",
    ],
)
def test_what_a_person_wrote_right_above_a_disclaimer_asks_back(
    text: str, separated: str, disclaimer: str
) -> None:
    assert below(f"{text}\n{disclaimer}", separated).verb is None
    assert below(disclaimer, separated).verb == "approve"
    assert below(f"Thanks\n{disclaimer}", separated).verb == "approve"


@pytest.mark.parametrize(
    "line",
    [
        "Don’t Ship",
        "Subject To Inspection",
        "Vorbehaltlich Prüfung",
        "Sous réserve",
        "Total 20 EUR",
        "Fee 3%",
    ],
)
def test_a_condition_or_an_amount_is_no_line_of_a_signature(line: str) -> None:
    assert not nothing([["Thanks", "Ada", line]], "Ada")
    assert not nothing([["Thanks"], ["Example GmbH", line]], "Ada")


@pytest.mark.parametrize(
    ("first", "begins"),
    [
        ("This message and its attachments are for", True),
        ("This message and its attachments", False),
    ],
)
def test_a_disclaimer_is_wrapped_where_lines_end(first: str, begins: bool) -> None:
    rest = "the intended recipient and confidential."
    assert nothing([[first, rest]], "") is begins


@pytest.mark.parametrize("mark", [".", "!", ":", "?"])
def test_what_ends_like_a_sentence_is_no_line_of_a_signature(mark: str) -> None:
    assert nothing([["Thanks", "Ada", "The Other One"]], "Ada")
    assert not nothing([["Thanks", "Ada", f"The Other One{mark}"]], "Ada")


@pytest.mark.parametrize(("line", "is_one"), [("ppa. Bob Byron", True), ("ppa. Wait Bob", False)])
def test_who_signs_for_somebody_signs_with_a_name(line: str, is_one: bool) -> None:
    assert nothing([["Thanks", "Ada", line]], "Ada") is is_one


@pytest.mark.parametrize("line", ["Xenia Byron", "| Finance", "• Finance", "(Finance)", "Team X"])
def test_a_signature_has_lists_brackets_and_any_names(line: str) -> None:
    assert nothing([["Thanks", "Ada", line]], "Ada")


def test_below_a_picture_may_stand_who_somebody_is() -> None:
    assert nothing([["[cid:logo.png]", "Head of Refunds"]], "Ada")
    assert not nothing([["Head of Refunds"]], "Ada")


@pytest.mark.parametrize(
    ("line", "more"),
    [
        ("www.example.com/" + "a" * 84, "a"),
        ("1" + " Aa" * 15, " Aa"),
        ("Head" + " Aa" * 7, " Aa"),
    ],
    ids=["a page", "figures", "words"],
)
def test_a_line_of_a_signature_is_short(line: str, more: str) -> None:
    assert nothing([["Thanks"], ["Example GmbH", line]], "")
    assert not nothing([["Thanks"], ["Example GmbH", line + more]], "")


@pytest.mark.parametrize(
    "line",
    [
        "Bob pays the rest next week",
        "Ship it next week",
        "Otto macht den Rest im neuen Jahr",
        "Bob the manager pays the remaining sum",
    ],
)
def test_a_sentence_below_a_thanks_is_no_line_of_a_signature(line: str) -> None:
    assert not nothing([["Thanks", "Ada", line]], "Ada")
    assert not nothing([["Thanks"], [line]], "Ada")


@pytest.mark.parametrize(
    "line",
    [
        "Head of customer success",
        "Senior software engineer",
        "Directrice des ressources humaines",
        "Leiterin Einkauf und Logistik",
        "Finance and operations",
    ],
)
def test_what_somebody_is_may_be_written_small_in_a_signature(line: str) -> None:
    assert nothing([["Thanks", "Ada", line]], "Ada")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("External email", True),
        ("Warning: external sender. Think before you click a link.", True),
        ("Caution: the sender is outside our organization; open no attachment.", True),
        ("Caution: the sender is outside our organization.", False),
        ("Caution: open no attachment.", False),
        ("The sender is outside our organization; open no attachment.", False),
        ("External email " + "x" * 1500, False),
    ],
)
def test_a_banner_warns_of_a_sender_and_of_a_danger_or_begins_like_a_server_s(
    text: str, is_one: bool
) -> None:
    assert is_banner([text]) is is_one


CONFIDENTIAL = "This e-mail is confidential and intended solely for the addressee."
BARELY = (
    "Any unauthorised use of what stands above is strictly prohibited, says the sender whom you "
    "all know."
)
AFTER_ANOTHER = "Nothing that stands here is privileged"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (CONFIDENTIAL, True),
        (f"*** {CONFIDENTIAL}", True),
        (
            f"But whatever else it may be, {CONFIDENTIAL[0].lower()}{CONFIDENTIAL[1:]} So it is.",
            False,
        ),
        (f"{CONFIDENTIAL} One two three four five six seven eight.", True),
        (f"{CONFIDENTIAL} One two three four five six seven eight nine.", False),
        (f"{CONFIDENTIAL} Wait for Bob.", False),
        (f"{CONFIDENTIAL} {CONFIDENTIAL} Wait for Bob.", False),
        (BARELY, True),
        (BARELY.removesuffix("."), False),
        (BARELY.replace("sender", "person"), False),
        (BARELY.replace("unauthorised", "unpermitted"), False),
        (AFTER_ANOTHER, False),
        ("Sitz der Gesellschaft: Berlin, Amtsgericht Mitte, Stammkapital 25.000 EUR", True),
        ("Sitz der Gesellschaft: Berlin, Amtsgericht Mitte, Rechnung 25.000 EUR", False),
        ("Please print 2 copies of this mail, in colour", False),
        ("The environment matters to Bob and me", False),
        ("See our privacy page", False),
        ("See our privacy page, http://example.com/p", True),
        ("See our privacy page www.example.com, but only if Bob agrees", False),
        ("virtually none of it", False),
        ("Please think before printing this mail".ljust(250, "o"), True),
        ("Please think before printing this mail".ljust(251, "o"), False),
        ("See our privacy page www.example.com/".ljust(250, "o"), True),
        ("See our privacy page www.example.com/".ljust(251, "o"), False),
    ],
)
def test_a_disclaimer_speaks_so_in_each_of_its_sentences(text: str, is_one: bool) -> None:
    assert is_disclaimer([text]) is is_one


def test_a_disclaimer_may_be_wrapped_anywhere_and_have_curly_apostrophes() -> None:
    assert is_disclaimer(["Think twice and never print", "this mail"])
    assert is_disclaimer(["Ce mail respecte l’environnement"])


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (AFTER_ANOTHER, True),
        ("This message and its attachments are by the sender", True),
        ("This message and its attachments are by the writer", False),
    ],
)
def test_below_another_a_disclaimer_needs_to_say_less(text: str, is_one: bool) -> None:
    assert is_disclaimer([text], after_another=True) is is_one


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("*Internal Use Only*", True),
        ("classification: ".ljust(80, "a"), True),
        ("classification: ".ljust(81, "a"), False),
    ],
)
def test_a_label_is_short_and_may_be_emphasised(line: str, is_one: bool) -> None:
    assert is_label(line) is is_one


@pytest.mark.parametrize(
    ("lines", "is_one", "for_certain"),
    [
        (["[EXTERNAL] This email originated [see] outside"], True, False),
        (["[My own] External email"], False, False),
        (["External email " + "a" * 1485], True, False),
        (["External email " + "a" * 1486], False, False),
        (["Some people who received", "this message seldom write"], True, False),
        (["Caution: External email: do not click"], True, True),
        (["Caution: External email"], True, False),
        (["External email: do not click"], True, True),
        (["Caution: an unknown sender, do not click"], True, False),
        (["Caution: do not click"], False, False),
        (["Caution: an unknown sender"], False, False),
    ],
)
def test_a_banner_is_known_by_its_first_words(
    lines: list[str], is_one: bool, for_certain: bool
) -> None:
    assert (is_banner(lines), is_banner(lines, for_certain=True)) == (is_one, for_certain)


ARMOR = "-----BEGIN PGP SIGNED MESSAGE-----"


@pytest.mark.parametrize(
    ("above", "last"),
    [
        (["", "[EXTERNAL]", "---", "External email"], 4),
        (["This email originated outside", "really"], 2),
        (["[EXTERNAL]"], 1),
        (["---"], 1),
        (["---"] * 10 + ["This email originated outside"], 11),
        (["This email originated outside"] + ["really"] * 20, 20),
        ([ARMOR, ""], 2),
        ([""] * 20 + [ARMOR, ""], 20),
        ([ARMOR, "Hash: SHA256", ""], 3),
        (["a"] * 15 + ["", "External email"], 0),
    ],
)
def test_banners_above_the_text_end_where_it_begins(above: list[str], last: int) -> None:
    assert skip_banners([*above, "approve"]) == last
    assert skip_banners([ARMOR]) == 1
