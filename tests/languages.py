"""What mail programs and companies say in twelve languages, for the replies of `tests.clients`."""

from __future__ import annotations

import msgspec


class Words(msgspec.Struct, frozen=True):
    """What a program says in one language. `attribution` knows {date}, {name} and {mail}."""

    attribution: str
    head: tuple[str, str, str, str]
    original: str
    phone: str
    thanks: str
    closing: str
    disclaimer: str
    banner: str


LANGUAGES: dict[str, Words] = {
    "en": Words(
        "On Sun, Nov 22, 2026 at 11:00 AM {name} <{mail}> wrote:",
        ("From", "Sent", "To", "Subject"),
        "Original message",
        "Sent from my iPhone",
        "Thanks a lot!",
        "Best regards,",
        "This e-mail and any attachments are confidential and may be privileged. If you are not the"
        " intended recipient, please notify the sender immediately and delete this message; any"
        " unauthorised copying, disclosure or distribution is strictly forbidden. Acme Ltd,"
        " registered in England and Wales, company number 01234567. Registered office: 1 High"
        " Street, London.",
        "CAUTION: This email originated from outside of the organization. Do not click links or"
        " open attachments unless you recognize the sender and know the content is safe.",
    ),
    "de": Words(
        "Am So., 22. Nov. 2026 um 11:00 Uhr schrieb {name} <{mail}>:",
        ("Von", "Gesendet", "An", "Betreff"),
        "Ursprüngliche Nachricht",
        "Von meinem iPhone gesendet",
        "Vielen Dank!",
        "Mit freundlichen Grüßen",
        "Diese E-Mail enthält vertrauliche und/oder rechtlich geschützte Informationen. Wenn Sie"
        " nicht der richtige Adressat sind oder diese E-Mail irrtümlich erhalten haben,"
        " informieren Sie bitte sofort den Absender und vernichten Sie diese Mail. Das unerlaubte"
        " Kopieren sowie die unbefugte Weitergabe dieser Mail ist nicht gestattet. Acme GmbH, Sitz"
        " der Gesellschaft: Berlin, Amtsgericht Charlottenburg HRB 12345, Geschäftsführer: Max"
        " Mustermann.",
        "ACHTUNG: Diese E-Mail stammt von außerhalb der Organisation. Klicken Sie nicht auf Links"
        " und öffnen Sie keine Anhänge, wenn Sie den Absender nicht kennen.",
    ),
    "fr": Words(
        "Le dim. 22 nov. 2026 à 11:00, {name} <{mail}> a écrit :",
        ("De", "Envoyé", "À", "Objet"),
        "Message d'origine",
        "Envoyé de mon iPhone",
        "Merci d'avance !",
        "Cordialement,",
        "Ce message et toutes les pièces jointes sont confidentiels et établis à l'attention"
        " exclusive de leurs destinataires. Toute utilisation ou diffusion non autorisée est"
        " interdite. Si vous avez reçu ce message par erreur, merci d'en avertir immédiatement"
        " l'expéditeur et de le supprimer. Acme SAS au capital de 40 000 euros, siège social :"
        " 1 rue de la Paix, Paris, RCS Paris 123 456 789.",
        "ATTENTION : ce message provient de l'extérieur de l'organisation. Ne cliquez pas sur les"
        " liens et n'ouvrez pas les pièces jointes d'un expéditeur inconnu.",
    ),
    "es": Words(
        "El dom, 22 nov 2026 a las 11:00, {name} (<{mail}>) escribió:",
        ("De", "Enviado", "Para", "Asunto"),
        "Mensaje original",
        "Enviado desde mi iPhone",
        "¡Muchas gracias!",
        "Un cordial saludo,",
        "Este mensaje y sus archivos adjuntos son confidenciales y van dirigidos exclusivamente a"
        " su destinatario. Si usted ha recibido este correo por error, le rogamos que lo comunique"
        " al remitente y proceda a su eliminación. Queda prohibida cualquier divulgación, copia o"
        " distribución no autorizada. Antes de imprimir este mensaje, piense en el medio ambiente.",
        "PRECAUCIÓN: Este correo electrónico proviene de fuera de la organización. No haga clic en"
        " enlaces ni abra archivos adjuntos si no conoce al remitente.",
    ),
    "it": Words(
        "Il giorno dom 22 nov 2026 alle ore 11:00 {name} <{mail}> ha scritto:",
        ("Da", "Inviato", "A", "Oggetto"),
        "Messaggio originale",
        "Inviato da iPhone",
        "Grazie mille!",
        "Cordiali saluti",
        "Le informazioni contenute in questo messaggio e negli allegati sono riservate e destinate"
        " esclusivamente al destinatario. Chiunque riceva questo messaggio per errore è pregato di"
        " avvisare il mittente e di cancellarlo. È vietata la diffusione non autorizzata del"
        " contenuto. Acme S.r.l., sede legale in Milano, capitale sociale 10.000 euro, partita IVA"
        " 01234567890.",
        "ATTENZIONE: questa email proviene da un mittente esterno. Non cliccare sui collegamenti e"
        " non aprire gli allegati.",
    ),
    "nl": Words(
        "Op zo 22 nov 2026 om 11:00 schreef {name} <{mail}>:",
        ("Van", "Verzonden", "Aan", "Onderwerp"),
        "Oorspronkelijk bericht",
        "Verstuurd vanaf mijn iPhone",
        "Alvast bedankt!",
        "Met vriendelijke groet,",
        "Dit bericht is vertrouwelijk en uitsluitend bestemd voor de geadresseerde. Indien u dit"
        " bericht abusievelijk hebt ontvangen, verzoeken wij u de afzender te informeren en het"
        " bericht te verwijderen. Openbaarmaking, vermenigvuldiging of verspreiding van de inhoud"
        " is niet toegestaan. Acme B.V. is ingeschreven bij de Kamer van Koophandel onder nummer"
        " 12345678.",
        "LET OP: deze e-mail is afkomstig van buiten de organisatie. Klik niet op links en open"
        " geen bijlagen als u de afzender niet kent.",
    ),
    "pt": Words(
        "Em dom., 22 de nov. de 2026 às 11:00, {name} <{mail}> escreveu:",
        ("De", "Enviado", "Para", "Assunto"),
        "Mensagem original",
        "Enviado do meu iPhone",
        "Muito obrigada!",
        "Com os melhores cumprimentos,",
        "Esta mensagem e os seus anexos são confidenciais e destinam-se exclusivamente ao"
        " destinatário. Se recebeu esta mensagem por engano, por favor informe o remetente e"
        " elimine-a de imediato. É proibida a divulgação, cópia ou utilização não autorizada do"
        " seu conteúdo. Pense no meio ambiente antes de imprimir este e-mail.",
        "ATENÇÃO: este e-mail foi enviado de fora da organização. Não clique em links nem abra"
        " anexos se não conhecer o remetente.",
    ),
    "sv": Words(
        "Den sön 22 nov. 2026 kl 11:00 skrev {name} <{mail}>:",
        ("Från", "Skickat", "Till", "Ämne"),
        "Ursprungligt meddelande",
        "Skickat från min iPhone",
        "Tack så mycket!",
        "Med vänliga hälsningar",
        "Detta meddelande är konfidentiellt och endast avsett för mottagaren. Om du har fått"
        " meddelandet av misstag ber vi dig meddela avsändaren och radera det. Obehörig spridning"
        " eller kopiering av innehållet är förbjuden. Vi behandlar personuppgifter enligt vår"
        " integritetspolicy för e-post.",
        "VARNING: det här e-postmeddelandet kommer från en extern avsändare. Klicka inte på länkar"
        " och öppna inte bilagor.",
    ),
    "da": Words(
        "Den søn. 22. nov. 2026 kl. 11.00 skrev {name} <{mail}>:",
        ("Fra", "Sendt", "Til", "Emne"),
        "Oprindelig meddelelse",
        "Sendt fra min iPhone",
        "Mange tak!",
        "Med venlig hilsen",
        "Denne e-mail er fortrolig og kun tiltænkt modtageren. Hvis du har modtaget den ved en"
        " fejl, bedes du give afsenderen besked og slette meddelelsen. Videregivelse eller"
        " kopiering af indholdet er forbudt. Acme ApS, CVR 12345678.",
        "ADVARSEL: denne e-mail kommer fra en ekstern afsender. Klik ikke på links, og åbn ikke"
        " vedhæftede filer.",
    ),
    "no": Words(
        "søn. 22. nov. 2026 kl. 11:00 skrev {name} <{mail}>:",
        ("Fra", "Sendt", "Til", "Emne"),
        "Opprinnelig melding",
        "Sendt fra min iPhone",
        "Tusen takk!",
        "Med vennlig hilsen",
        "Denne e-posten er konfidensiell og kun ment for mottakeren. Dersom du har mottatt"
        " meldingen ved en feil, vennligst varsle avsender og slett meldingen. Uautorisert bruk"
        " eller kopiering av innholdet er ikke tillatt.",
        "ADVARSEL: denne e-posten kommer fra en ekstern avsender. Ikke klikk på lenker eller"
        " åpne vedlegg.",
    ),
    "pl": Words(
        "niedz., 22 lis 2026 o 11:00 {name} <{mail}> napisał(a):",
        ("Od", "Wysłano", "Do", "Temat"),
        "Wiadomość oryginalna",
        "Wysłane z iPhone'a",
        "Dziękuję bardzo!",
        "Z poważaniem",
        "Niniejsza wiadomość jest poufna i przeznaczona wyłącznie dla adresata. Jeżeli otrzymali"
        " Państwo tę wiadomość omyłkowo, prosimy o powiadomienie nadawcy i usunięcie wiadomości."
        " Rozpowszechnianie lub kopiowanie jej treści przez osoby nieuprawnione jest zabronione."
        " Acme Sp. z o.o., KRS 0000123456, kapitał zakładowy 50 000 zł.",
        "UWAGA: wiadomość zewnętrzna. Nie klikaj linków ani nie otwieraj załączników, jeśli nie"
        " znasz nadawcy.",
    ),
    "fi": Words(
        "su 22. marrask. 2026 klo 11.00 {name} <{mail}> kirjoitti:",
        ("Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe"),
        "Alkuperäinen viesti",
        "Lähetetty iPhonesta",
        "Kiitos paljon!",
        "Ystävällisin terveisin",
        "Tämä viesti on luottamuksellinen ja tarkoitettu vain vastaanottajalle. Jos olet saanut"
        " viestin vahingossa, ilmoita siitä lähettäjälle ja poista viesti. Sisällön luvaton"
        " kopioiminen tai levittäminen on kielletty.",
        "VAROITUS: tämä viesti on tullut organisaation ulkopuolelta. Älä avaa linkkejä tai"
        " liitteitä.",
    ),
}
