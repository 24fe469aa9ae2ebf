import { afterEach, describe, expect, it, vi } from "vitest";
import { saveFile } from "./save-file";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("saveFile", () => {
  it("downloads the file by its name, and lets go of it later", () => {
    vi.useFakeTimers();
    const link = { href: "", download: "", click: vi.fn(), remove: vi.fn() };
    vi.stubGlobal("document", { createElement: () => link, body: { append: vi.fn() } });
    vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:1");
    const revoke = vi.spyOn(URL, "revokeObjectURL").mockReturnValue();
    saveFile(new Blob(["%PDF-"]), "SM2526-000001.pdf");
    expect(link).toMatchObject({ href: "blob:1", download: "SM2526-000001.pdf" });
    expect(link.click).toHaveBeenCalledOnce();
    expect(link.remove).toHaveBeenCalledOnce();
    expect(revoke).not.toHaveBeenCalled();
    vi.runAllTimers();
    expect(revoke).toHaveBeenCalledWith("blob:1");
  });
});
