/** What a UPI app is told: whom to pay, how much, and what for. */
export interface UpiPayee {
  id: string;
  name: string | null;
  reference: string;
}

const encoded = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** The link that opens such an app, and that its QR code says: the one on the PDF, for what is owed now. */
export function upiLink({ id, name, reference }: UpiPayee, amount: string): string {
  // Not every app decodes the "@" of the payee.
  const payee = encoded(id).replaceAll("%40", "@");
  const parts = [
    `pa=${payee}`,
    ...(name ? [`pn=${encoded(name)}`] : []),
    `am=${amount}`,
    "cu=INR",
    `tr=${encoded(reference)}`,
  ];
  return `upi://pay?${parts.join("&")}`;
}
